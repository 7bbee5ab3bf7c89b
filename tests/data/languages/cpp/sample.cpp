// Copyright 2024 Nobody

// What people want to buy.

#include <vector>
#include "shop/cart.h"

namespace shop {

/// A cart.
template <typename T>
class Cart final : public Base<T>, private Other {
 public:
  explicit Cart(int n = 0) : n_(n) {}
  ~Cart();
  Cart(const Cart&) = delete;
  /// Adds.
  virtual void add(const T& item) const override;
  int size() const { return n_; }
  bool operator==(const Cart&) const;
  operator bool() const;
  static constexpr int kMax = 3;
  using value_type = T;
  enum class Kind : int { kA, kB };

 private:
  int n_, m_[3];
  void hidden();
};

namespace {
int secret() { return 1; }
}  // namespace

using Names = std::vector<std::string>;
template <class T>
T max_of(T a, T b) {
  return a > b ? a : b;
}
constexpr int kSize = 4;

std::string Status::ToString() const {
  auto p = new Foo<int>(1);
  p->go();
  return std::make_unique<Bar>();
}

}  // namespace shop

template <typename T>
void shop::Cart<T>::add(const T& item) const {
  try {
    throw std::runtime_error("x");
  } catch (const std::exception& e) {
    std::abort();
  }
}

shop::Cart::Cart(int n) : n_(n) {}

TEST(CartTest, Adds) { EXPECT_EQ(1, 2); }

int main() {
  static int calls = 0;
  std::cout << "hi";
  return 0;
}
