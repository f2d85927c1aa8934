// The table of behaviours on aws-lambda-go.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
)

type wish struct {
	Do string `json:"do"`
	Ms int    `json:"ms"`
}

var calls int

func handler(_ context.Context, event json.RawMessage) (any, error) {
	calls++
	var asked wish
	_ = json.Unmarshal(event, &asked)
	switch asked.Do {
	case "error":
		return nil, errors.New("asked to fail")
	case "crash":
		crash()
	case "exit":
		os.Exit(7)
	case "memory":
		takeMemory()
	case "sleep":
		time.Sleep(time.Duration(asked.Ms) * time.Millisecond)
		return map[string]int{"slept": asked.Ms}, nil
	case "huge":
		return strings.Repeat("x", 7_000_000), nil
	case "stream":
		return stream(), nil
	case "environment":
		return environment(), nil
	case "write":
		return map[string]int{"file": countInFile(), "memory": calls}, nil
	case "log":
		fmt.Println("to stdout")
		fmt.Fprintln(os.Stderr, "to stderr")
		return nil, nil
	}
	return event, nil
}

// A signal that Go's runtime does not turn into an exit.
func crash() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

func takeMemory() {
	var held [][]byte
	for {
		piece := make([]byte, 1<<20)
		for at := 0; at < len(piece); at += 4096 {
			piece[at] = 1
		}
		held = append(held, piece)
	}
}

func stream() io.Reader {
	reader, writer := io.Pipe()
	go func() {
		for _, piece := range []string{"one", "two", "three"} {
			time.Sleep(5 * time.Millisecond)
			_, _ = writer.Write([]byte(piece))
		}
		_ = writer.Close()
	}()
	return reader
}

func environment() map[string]string {
	variables := map[string]string{}
	for _, pair := range os.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		variables[name] = value
	}
	return variables
}

func countInFile() int {
	path := filepath.Join(os.TempDir(), "count")
	text, _ := os.ReadFile(path)
	count, _ := strconv.Atoi(string(text))
	count++
	if err := os.WriteFile(path, []byte(strconv.Itoa(count)), 0o600); err != nil {
		panic(err)
	}
	return count
}

func main() {
	what, ms, _ := strings.Cut(os.Getenv("INIT_DO"), ":")
	switch what {
	case "exit":
		os.Exit(7)
	case "crash":
		crash()
	case "sleep":
		pause, _ := strconv.Atoi(ms)
		time.Sleep(time.Duration(pause) * time.Millisecond)
	}
	lambda.Start(handler)
}
