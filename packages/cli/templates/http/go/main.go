package main

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
)

type (
	request  = events.APIGatewayV2HTTPRequest
	response = events.APIGatewayV2HTTPResponse
)

// GET /hello/Ada greets Ada. The event is that of a function URL or an HTTP API (payload format 2.0).
func handler(_ context.Context, event request) (response, error) {
	name, found := strings.CutPrefix(event.RawPath, "/hello/")
	switch {
	case !found:
		return answer(404, "nothing is at "+event.RawPath)
	case event.RequestContext.HTTP.Method != "GET":
		return answer(405, "only GET")
	}
	return answer(200, "hello, "+name)
}

func answer(status int, message string) (response, error) {
	body, err := json.Marshal(map[string]string{"message": message})
	headers := map[string]string{"content-type": "application/json"}
	return response{StatusCode: status, Headers: headers, Body: string(body)}, err
}

func main() {
	lambda.Start(handler)
}
