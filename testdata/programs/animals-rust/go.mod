module cgo

go 1.23.1
