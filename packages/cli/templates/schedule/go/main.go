package main

import (
	"context"
	"fmt"

	"github.com/aws/aws-lambda-go/lambda"
)

type scheduled struct {
	// When it was due: 2026-11-21T18:00:00Z.
	Time string `json:"time"`
}

type result struct {
	Ran string `json:"ran"`
}

func handler(_ context.Context, event scheduled) (result, error) {
	fmt.Println("running for", event.Time)
	return result{Ran: event.Time}, nil
}

func main() {
	lambda.Start(handler)
}
