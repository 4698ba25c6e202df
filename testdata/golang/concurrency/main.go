// Goroutines, channels, select, timers, mutexes, defer, recover and tracebacks, and atomic operations.
package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

var initialised = func() []int { return make([]int, 3) }()

func init() { initialised[0]++ }

func produce(ctx context.Context, count int) <-chan int {
	out := make(chan int)
	go func() {
		defer close(out)
		for i := range count {
			select {
			case out <- i:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

func guarded(f func()) (err error) {
	defer func() {
		if recovered := recover(); recovered != nil {
			err = fmt.Errorf("recovered: %v", recovered)
		}
	}()
	f()
	return nil
}

//go:noinline
func where() string {
	_, file, line, ok := runtime.Caller(1)
	return fmt.Sprint(file[strings.LastIndex(file, "/")+1:], ":", line, " ", ok)
}

func depth(n int) int {
	var space [512]byte
	space[n%len(space)] = 1
	if n == 0 {
		return int(space[0])
	}
	return depth(n-1) + int(space[n%len(space)])
}

func main() {
	var total atomic.Int64
	var group sync.WaitGroup
	numbers := produce(context.Background(), 1000)
	for range 4 {
		group.Go(func() {
			for n := range numbers {
				total.Add(int64(n))
			}
		})
	}
	group.Wait()
	fmt.Println("sum", total.Load())

	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	<-ctx.Done()
	fmt.Println(errors.Is(ctx.Err(), context.DeadlineExceeded))

	var once sync.Once
	var nothing map[string]int
	var array []int
	fmt.Println(guarded(func() { nothing["x"] = 1 }))
	fmt.Println(guarded(func() { _ = array[len(nothing)] }))
	fmt.Println(guarded(func() { panic(errors.New("mine")) }))
	fmt.Println(guarded(func() { once.Do(func() { runtime.GC() }) }))
	fmt.Println(where(), depth(5000), initialised)

	frames := runtime.CallersFrames(func() []uintptr {
		counters := make([]uintptr, 8)
		return counters[:runtime.Callers(1, counters)]
	}())
	for {
		frame, more := frames.Next()
		fmt.Println(frame.Function, frame.Line > 0)
		if !more {
			break
		}
	}
}
