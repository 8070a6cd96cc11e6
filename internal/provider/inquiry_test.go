package provider

import (
	"testing"
	"time"
)

func TestQuestionsComeFurtherApartAndNeverStop(t *testing.T) {
	before := time.Duration(0)
	for asked := range int64(8) {
		if d := InquiryDelay(asked); d <= before {
			t.Errorf("after %d questions the next one comes in %v, and the last one came in %v", asked, d, before)
		} else {
			before = d
		}
	}
	if InquiryDelay(7) != 6*time.Hour || InquiryDelay(1000) != 6*time.Hour {
		t.Errorf("the last ones come %v and %v apart", InquiryDelay(7), InquiryDelay(1000))
	}
	if InquiryDelay(UnresolvedAfter-1) >= time.Hour || InquiryDelay(UnresolvedAfter) < time.Hour {
		t.Errorf("a person hears of it after questions %v apart, with %v to the next", InquiryDelay(UnresolvedAfter-1), InquiryDelay(UnresolvedAfter))
	}
}
