// Type parameters: dictionaries, shapes, methods of instantiated types, generic closures and constraints with methods.
package main

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
)

type number interface {
	~int | ~int64 | ~float64
}

type tree[K cmp.Ordered, V any] struct {
	left, right *tree[K, V]
	key         K
	value       V
}

func (t *tree[K, V]) insert(key K, value V) *tree[K, V] {
	if t == nil {
		return &tree[K, V]{key: key, value: value}
	}
	switch c := cmp.Compare(key, t.key); {
	case c < 0:
		t.left = t.left.insert(key, value)
	case c > 0:
		t.right = t.right.insert(key, value)
	default:
		t.value = value
	}
	return t
}

func (t *tree[K, V]) all() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		t.push(yield)
	}
}

func (t *tree[K, V]) push(yield func(K, V) bool) bool {
	return t == nil || t.left.push(yield) && yield(t.key, t.value) && t.right.push(yield)
}

type celsius float64

func (c celsius) String() string { return fmt.Sprintf("%.1f°", float64(c)) }

func sum[T number](values ...T) (total T) {
	for _, value := range values {
		total += value
	}
	return total
}

func join[T fmt.Stringer](values []T) string {
	var parts []string
	for _, value := range values {
		parts = append(parts, value.String())
	}
	return strings.Join(parts, " ")
}

func apply[A, B any](values []A, f func(A) B) []B {
	result := make([]B, 0, len(values))
	for _, value := range values {
		result = append(result, f(value))
	}
	return result
}

type pair[A, B any] struct {
	first  A
	second B
}

func zip[A, B any](a []A, b []B) (pairs []pair[A, B], err error) {
	if len(a) != len(b) {
		return nil, errors.New("lengths differ")
	}
	for i := range a {
		pairs = append(pairs, pair[A, B]{a[i], b[i]})
	}
	return pairs, nil
}

func main() {
	var words *tree[string, int]
	for _, word := range strings.Fields("to be or not to be that is the question") {
		words = words.insert(word, len(word))
	}
	for key, value := range words.all() {
		fmt.Print(key, ":", value, " ")
	}
	fmt.Println()
	fmt.Println(sum(1, 2, 3), sum(1.5, 2.5), sum[celsius](10, 11.5))
	fmt.Println(join([]celsius{20, 21.5}))
	fmt.Println(apply([]int{1, 2, 3}, func(n int) string { return strings.Repeat("x", n) }))
	pairs, err := zip([]int{1, 2}, []celsius{3, 4})
	fmt.Printf("%+v %T %v\n", pairs, pairs, err)
	_, err = zip([]string{"a"}, []error{})
	fmt.Println(err)
	fmt.Println(slices.Sorted(maps.Keys(map[celsius]bool{3: true, 1: false, 2: true})))
}
