// Copyright 2024 Nobody.

// Package shop sells things.
//
// More text.
package shop

import (
	"errors"
	"fmt"
	h "net/http"
	_ "embed"
	. "math"
)

import "os"

// Kinds of thing.
const (
	// KindA is first.
	KindA Kind = iota
	kindB, kindC = 1, 2 // not the documentation of Max
)

const Max = 3

var (
	_     fmt.Stringer = (*Pair)(nil)
	table = map[string]int{
		"a": 1,
	}
)

// Kind is a kind.
type Kind int

type Alias = Kind

type (
	// Pair pairs.
	Pair[K comparable, V any] struct {
		Key  K // the key
		a, b V
		h.Client
		*Kind
	}
	fn func(int) error
)

// Priced has a price.
type Priced interface {
	fmt.Stringer
	// Price gives it.
	Price(in int) (int, error)
}

// Add adds one more
// to the pair.
//
// Not the first paragraph.
func (b *Pair[K, V]) Add(name string) (err error) {
	defer func() {
		if r := recover(); r != nil {
			panic(r)
		}
	}()
	if err != nil && name != "" {
		return fmt.Errorf("x: %w", err)
	}
	go b.run()
	switch name {
	case "a":
		_, _ = h.Get(name)
	default:
		return errors.New("no")
	}
	return nil
}

func (b Pair[K, V]) run() { os.Exit(len(os.Args)) }

func main() { _ = make([]Kind, 1); _ = &Pair[int, int]{} }

func TestPair(t *testing.T) {}

func ExamplePair() {}

func Testimony() {}
