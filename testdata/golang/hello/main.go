// The smallest program that uses both ways to print. -X sets x.
package main

import "fmt"

var x = "from the source"

func main() {
	println("to standard error")
	fmt.Println("hello", x)
}
