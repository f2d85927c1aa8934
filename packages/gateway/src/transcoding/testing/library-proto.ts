/** A service with a rule of each kind, and a message with a field of each kind. */
export const LIBRARY_PROTO = `
syntax = "proto3";
package test.v1;
import "google/api/annotations.proto";
import "google/api/httpbody.proto";
import "google/protobuf/any.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/empty.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";

enum Color { COLOR_UNSPECIFIED = 0; RED = 1; BLUE = 2; }

message Everything {
  int32 an_int32 = 1;
  int64 an_int64 = 2;
  uint64 a_uint64 = 3;
  double a_double = 4;
  float a_float = 5;
  bool a_bool = 6;
  string a_string = 7;
  bytes some_bytes = 8;
  Color color = 9;
  repeated int32 numbers = 10;
  repeated Color colors = 11;
  map<string, int64> counts = 12;
  map<int32, Inner> inners_by_id = 13;
  Inner inner = 14;
  repeated Inner inners = 15;
  google.protobuf.Timestamp time = 16;
  google.protobuf.Duration duration = 17;
  google.protobuf.FieldMask mask = 18;
  google.protobuf.Struct struct = 19;
  google.protobuf.Value value = 20;
  google.protobuf.ListValue list = 21;
  google.protobuf.Any any = 22;
  google.protobuf.Int64Value wrapped_int64 = 23;
  google.protobuf.BoolValue wrapped_bool = 24;
  google.protobuf.StringValue wrapped_string = 25;
  google.protobuf.BytesValue wrapped_bytes = 26;
  optional int32 maybe = 27;
  oneof choice { string text = 28; int32 number = 29; Inner message = 30; }
  string renamed = 31 [json_name = "otherName"];
  google.protobuf.Empty empty = 32;
  repeated string words = 33;
}
message Inner { string name = 1; Inner inner = 2; repeated string tags = 3; int64 big = 4; }
message Book { string name = 1; Inner author = 2; int32 pages = 3; repeated string tags = 4; }
message GetBook { string name = 1; Color color = 2; Inner filter = 3; repeated int32 pages = 4; bool full = 5;
  google.protobuf.FieldMask mask = 6; google.protobuf.Timestamp since = 7; google.protobuf.BoolValue flag = 8; }
message UpdateBook { string shelf = 1; Book book = 2; google.protobuf.FieldMask mask = 3; Inner parent = 4; }
message Upload { string name = 1; google.api.HttpBody file = 2; }
message Count { int32 count = 1; }

service Library {
  rpc Get(GetBook) returns (Book) {
    option (google.api.http) = {
      get: "/v1/{name=shelves/*/books/*}"
      additional_bindings { get: "/v1/books/{name}" response_body: "author" }
      additional_bindings { get: "/v1/pages/{name}" response_body: "pages" }
      additional_bindings { get: "/v1/tags/{name}" response_body: "tags" }
      additional_bindings { get: "/v1/any/{name=**}:copy" }
    };
  }
  rpc Update(UpdateBook) returns (Book) {
    option (google.api.http) = { patch: "/v1/shelves/{shelf}/books/{book.name}" body: "book"
      additional_bindings { put: "/v1/all/{parent.inner.name}" body: "*" } };
  }
  rpc Delete(GetBook) returns (google.protobuf.Empty) { option (google.api.http).delete = "/v1/books/{name}"; }
  rpc Search(GetBook) returns (Book) { option (google.api.http) = { custom: { kind: "SEARCH" path: "/v1/books" } }; }
  rpc Echo(Everything) returns (Everything);
  rpc List(GetBook) returns (stream Book) { option (google.api.http).get = "/v1/books"; }
  rpc Add(stream Book) returns (Count) { option (google.api.http) = { post: "/v1/shelves/{name}/books" body: "*" }; }
  rpc Chat(stream Book) returns (stream Book);
  rpc Put(Upload) returns (google.api.HttpBody) { option (google.api.http) = { post: "/v1/files/{name}" body: "file" }; }
  rpc Download(GetBook) returns (stream google.api.HttpBody) { option (google.api.http).get = "/v1/downloads/{name}"; }
  rpc Raw(google.protobuf.Value) returns (google.protobuf.Value) { option (google.api.http) = { post: "/v1/raw" body: "*" }; }
}
`
