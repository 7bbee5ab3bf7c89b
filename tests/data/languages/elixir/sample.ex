# Copyright
defmodule Shop.Basket do
  @moduledoc """
  What a customer wants.

  More.
  """
  use GenServer, restart: :temporary
  alias Shop.{Price, Tax.Rate}
  alias Shop.Repo, as: R
  import Ecto.Query, only: [from: 2]
  require Logger
  @behaviour Shop.Counted
  @type t :: %__MODULE__{items: list}
  @limit 3
  defstruct [:items, count: 0]

  @doc """
  Adds one.
  """
  @doc since: "1.0"
  @spec add(t, atom) :: t
  @impl true
  def add(basket, name) when is_atom(name) do
    if name == :bad, do: raise ArgumentError, "no"
    Price.of(name) |> R.insert!()
    File.write!("a", "b")
    Shop.Log.Writer.write(name)
  end
  def add(%{x: 1} = b, _), do: b
  # private thing
  defp hidden(x), do: x
  def zero, do: 0
  defmacro twice(x) do
    quote do: unquote(x) * 2
  end
  defguard is_big(x) when x > 3
  defdelegate size(b), to: Enum
  def run do
    try do
      case x do
        {:ok, y} -> y
        _ -> throw(:x)
      end
    rescue
      e in RuntimeError -> System.halt(1)
    catch
      :exit, _ -> nil
    end
    spawn(fn -> :ok end)
    receive do
      :a -> 1
    end
    %Price{x: 1}
    &Rate.of/1
  end
  defmodule Inner do
    def deep(x \\ 1), do: x
  end
  if Mix.env() == :dev do
    def only_dev, do: 1
  end
end
defprotocol Sized do
  @doc "Size."
  def size(x)
end
defimpl Sized, for: Shop.Basket do
  def size(b), do: 1
end
defmodule Shop.BasketTest do
  use ExUnit.Case
  describe "add" do
    test "adds one", %{b: b} do
      assert Basket.add(b, :x) == 1
    end
  end
  test "pending"
end
