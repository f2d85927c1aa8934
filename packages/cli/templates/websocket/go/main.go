package main

import (
	"context"
	"fmt"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
)

type (
	request  = events.APIGatewayWebsocketProxyRequest
	response = events.APIGatewayProxyResponse
)

// A client came (CONNECT: a status of 200 lets it in), said something (MESSAGE: the body of the answer goes back to it),
// or went (DISCONNECT).
func handler(_ context.Context, event request) (response, error) {
	if what := event.RequestContext.EventType; what != "MESSAGE" {
		fmt.Printf("%s: %s\n", event.RequestContext.ConnectionID, what)
		return response{StatusCode: 200}, nil
	}
	return response{StatusCode: 200, Body: "you said: " + event.Body}, nil
}

func main() {
	lambda.Start(handler)
}
