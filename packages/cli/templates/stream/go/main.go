package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
)

// A batch of messages. Those that are named in the answer come again, with FunctionResponseTypes: [ReportBatchItemFailures].
func handler(_ context.Context, event events.SQSEvent) (events.SQSEventResponse, error) {
	failures := []events.SQSBatchItemFailure{}
	for _, record := range event.Records {
		if err := take([]byte(record.Body)); err != nil {
			fmt.Printf("message %s: %v\n", record.MessageId, err)
			failures = append(failures, events.SQSBatchItemFailure{ItemIdentifier: record.MessageId})
		}
	}
	return events.SQSEventResponse{BatchItemFailures: failures}, nil
}

// What is to be done with one message.
func take(body []byte) error {
	var message any
	if err := json.Unmarshal(body, &message); err != nil {
		return err
	}
	fmt.Println("got", message)
	return nil
}

func main() {
	lambda.Start(handler)
}
