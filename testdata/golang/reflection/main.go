// Methods that are reached by reflection only: by a constant name, by a name that is computed, and through interfaces.
package main

import (
	"fmt"
	"reflect"
	"strings"
)

type animal struct {
	Name string `label:"name"`
	legs int
}

func (a animal) Speak(what string) string { return a.Name + " says " + what }
func (a *animal) Rename(name string)      { a.Name = name }
func (a animal) Legs() int                { return a.legs }

type speaker interface{ Speak(string) string }

type unused struct{}

func (unused) Never() { println("never") }

func constant(value any) {
	method := reflect.ValueOf(value).MethodByName("Speak")
	fmt.Println(method.Call([]reflect.Value{reflect.ValueOf("hello")})[0])
}

func computed(value any, name string) {
	method := reflect.ValueOf(value).MethodByName(strings.ToUpper(name[:1]) + name[1:])
	if !method.IsValid() {
		fmt.Println("no method", name)
		return
	}
	var arguments []reflect.Value
	for i := range method.Type().NumIn() {
		arguments = append(arguments, reflect.Zero(method.Type().In(i)))
	}
	fmt.Println(name, len(method.Call(arguments)))
}

func main() {
	cat := &animal{"cat", 4}
	constant(cat)
	computed(cat, "rename")
	computed(cat, "legs")
	computed(unused{}, "missing")
	kind := reflect.TypeOf(cat)
	for i := range kind.NumMethod() {
		fmt.Println(kind.Method(i).Name, kind.Method(i).Type)
	}
	field, _ := kind.Elem().FieldByName("Name")
	fmt.Println(field.Tag.Get("label"), kind.Implements(reflect.TypeFor[speaker]()))
	made := reflect.MakeMapWithSize(reflect.MapOf(reflect.TypeFor[string](), kind), 1)
	made.SetMapIndex(reflect.ValueOf("k"), reflect.ValueOf(cat))
	fmt.Println(made.Len(), made.Type(), reflect.SliceOf(kind), reflect.ChanOf(reflect.BothDir, kind))
	swap := reflect.MakeFunc(reflect.TypeFor[func(int, string) (string, int)](), func(in []reflect.Value) []reflect.Value {
		return []reflect.Value{in[1], in[0]}
	})
	fmt.Println(swap.Interface().(func(int, string) (string, int))(1, "one"))
}
