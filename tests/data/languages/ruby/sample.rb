#!/usr/bin/env ruby
# frozen_string_literal: true

# Shop things.

require "json"
require_relative "../lib/shop/price"
require_relative 'x'
load "tasks.rb"
autoload :Tax, "shop/tax"

# Namespace.
module Shop
  LIMIT = 3
  # A basket.
  class Basket < Struct::Base
    include Comparable
    extend Forwardable
    attr_reader :items, :count
    attr_accessor :name
    has_many :orders
    class Error < StandardError; end

    # Makes one.
    def initialize(items, count: 1, *rest, &block)
      @items = items
      $total = 1
      raise ArgumentError, "x" unless items
    end

    # Adds.
    def add(name)
      return if name.nil? && x || y
      items.each { |i| puts i }
      File.write("a", "b")
      Price.new(1).to_s
      Shop::Tax.rate(name)
    rescue Error, KeyError => e
      exit 1
    ensure
      x
    end

    def self.build(*args) = new(*args)
    class << self
      def make; end
    end

    private

    def hidden; end
    def helper = 1
    public
    def shown; end
    private def inline; end
    private :shown
    alias_method :plus, :add
    define_method(:dyn) { |x| x }
  end
end
class Shop::Other; end
Point = Struct.new(:x, :y) do
  def dist; end
end
describe Basket do
  context "when empty" do
    it "adds" do
      expect(basket.add(1)).to eq 1
    end
  end
end
class BasketTest < Minitest::Test
  def test_adds; assert_equal 1, 2; end
  test "works" do
    x
  end
end
task :build do
  sh "make"
end
if __FILE__ == $0
  Shop::Basket.build
end
