// A server and a client over TLS in one process: net/http, crypto, encoding and templates without cgo.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"text/template"
)

type answer struct {
	Path   string            `json:"path"`
	Header map[string]string `json:"header,omitempty"`
}

func main() {
	page := template.Must(template.New("page").Parse("{{range .}}<{{.Path}}>{{end}}\n"))
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		json.NewEncoder(w).Encode(answer{Path: r.URL.Path, Header: map[string]string{"X": r.Header.Get("X-Test")}})
	}))
	defer server.Close()
	var answers []answer
	for _, path := range []string{"/first", "/second"} {
		request, err := http.NewRequest("GET", server.URL+path, nil)
		if err != nil {
			log.Fatal(err)
		}
		request.Header.Set("X-Test", "value")
		response, err := server.Client().Do(request)
		if err != nil {
			log.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		var got answer
		if err := json.Unmarshal(body, &got); err != nil {
			log.Fatal(err)
		}
		fmt.Println(response.StatusCode, response.Proto, got.Header["X"], err)
		answers = append(answers, got)
	}
	var text bytes.Buffer
	if err := page.Execute(&text, answers); err != nil {
		log.Fatal(err)
	}
	fmt.Print(text.String())
}
