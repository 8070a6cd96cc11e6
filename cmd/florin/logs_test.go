package main

import (
	"testing"

	"github.com/florinpay/florin/client"
)

func TestRequestsAreFilteredByStatusMethodAndPath(t *testing.T) {
	post := client.RequestLog{Status: 402, Method: "POST", Path: "/v1/payments"}
	get := client.RequestLog{Status: 200, Method: "GET", Path: "/v1/payments/pay_1"}
	for _, k := range []struct {
		filter    logsTail
		post, get bool
	}{
		{logsTail{}, true, true},
		{logsTail{Status: []string{"402"}}, true, false},
		{logsTail{Status: []string{"5xx", "4XX"}}, true, false},
		{logsTail{Status: []string{"2xx", "402"}}, true, true},
		{logsTail{Method: []string{"post"}}, true, false},
		{logsTail{Method: []string{"GET", "DELETE"}}, false, true},
		{logsTail{Path: "/v1/payments/"}, false, true},
		{logsTail{Path: "/v1/payments", Status: []string{"200"}, Method: []string{"POST"}}, false, false},
	} {
		if k.filter.wants(&post) != k.post || k.filter.wants(&get) != k.get {
			t.Errorf("%+v takes the POST %t and the GET %t", k.filter, k.filter.wants(&post), k.filter.wants(&get))
		}
	}
}
