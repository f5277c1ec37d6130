package etcd

// Messages of the gateway: those of etcd's rpc.proto as JSON, in which numbers of 64 bits are
// strings and bytes are base64.

type leaseMessage struct {
	ID  int64 `json:"ID,string"`
	TTL int64 `json:"TTL,string"`
}

type rangeRequest struct {
	Key []byte `json:"key"`
	End []byte `json:"range_end,omitempty"`
}

type rangeAnswer struct {
	Kvs []kv `json:"kvs"`
}

type kv struct {
	Key         []byte `json:"key"`
	Value       []byte `json:"value"`
	ModRevision int64  `json:"mod_revision,string"`
}

type txn struct {
	Compare []compare `json:"compare,omitempty"`
	Success []op      `json:"success"`
}

type compare struct {
	Key            []byte `json:"key"`
	End            []byte `json:"range_end,omitempty"`
	Target         string `json:"target"`
	Result         string `json:"result"`
	CreateRevision int64  `json:"create_revision,string,omitempty"`
	ModRevision    int64  `json:"mod_revision,string,omitempty"`
}

// created is the condition that a key exists, or that none of a range does.
func created(key, end string, exists bool) compare {
	c := compare{Key: []byte(key), Target: "CREATE", Result: "EQUAL"}
	if end != "" {
		c.End = []byte(end)
	}
	if exists {
		c.Result = "GREATER"
	}
	return c
}

type op struct {
	Put    *putRequest   `json:"request_put,omitempty"`
	Delete *rangeRequest `json:"request_delete_range,omitempty"`
}

type putRequest struct {
	Key   []byte `json:"key"`
	Value []byte `json:"value"`
	Lease int64  `json:"lease,string,omitempty"`
}

func put(key string, value []byte, lease int64) op {
	return op{Put: &putRequest{[]byte(key), value, lease}}
}

// remove removes a key, or those of a range.
func remove(key, end string) op {
	r := &rangeRequest{Key: []byte(key)}
	if end != "" {
		r.End = []byte(end)
	}
	return op{Delete: r}
}
