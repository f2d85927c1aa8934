import protobuf from 'protobufjs'

/** What is used of etcd's rpc.proto, as another implementation reads it. That the numbers are etcd's is shown by the tests with a real one. */
export const { root: etcdMessages } = protobuf.parse(
  `syntax = "proto3";
   message Header { uint64 cluster_id = 1; uint64 member_id = 2; int64 revision = 3; uint64 raft_term = 4; }
   message KV { bytes key = 1; int64 create_revision = 2; int64 mod_revision = 3; int64 version = 4; bytes value = 5; int64 lease = 6; }
   message RangeRequest { bytes key = 1; bytes range_end = 2; int64 limit = 3; int64 revision = 4; bool serializable = 7; bool keys_only = 8; }
   message RangeResponse { Header header = 1; repeated KV kvs = 2; bool more = 3; int64 count = 4; }
   message Put { bytes key = 1; bytes value = 2; int64 lease = 3; }
   message Delete { bytes key = 1; bytes range_end = 2; }
   message Op { oneof request { RangeRequest range = 1; Put put = 2; Delete delete = 3; Txn txn = 4; } }
   message Compare {
     int32 result = 1; int32 target = 2; bytes key = 3;
     oneof target_union { int64 version = 4; int64 create_revision = 5; int64 mod_revision = 6; bytes value = 7; }
     bytes range_end = 64;
   }
   message Txn { repeated Compare compare = 1; repeated Op success = 2; repeated Op failure = 3; }
   message PutResponse { Header header = 1; }
   message OpResponse { oneof response { RangeResponse range = 1; PutResponse put = 2; } }
   message TxnResponse { Header header = 1; bool succeeded = 2; repeated OpResponse responses = 3; }
   message Create {
     bytes key = 1; bytes range_end = 2; int64 start_revision = 3; bool progress_notify = 4; repeated int32 filters = 5;
     bool prev_kv = 6; int64 watch_id = 7; bool fragment = 8;
   }
   message Empty {}
   message WatchRequest { oneof request { Create create = 1; Empty cancel = 2; Empty progress = 3; } }
   message Event { int32 type = 1; KV kv = 2; KV prev_kv = 3; }
   message WatchResponse {
     Header header = 1; int64 watch_id = 2; bool created = 3; bool canceled = 4; int64 compact_revision = 5; string cancel_reason = 6;
     bool fragment = 7; repeated Event events = 11;
   }
   message Grant { int64 TTL = 1; int64 ID = 2; }
   message GrantResponse { Header header = 1; int64 ID = 2; int64 TTL = 3; }
   message Compaction { int64 revision = 1; bool physical = 2; }
   message Auth { string name = 1; string password = 2; }
   message AuthResponse { Header header = 1; string token = 2; }`,
  { keepCase: true },
)
