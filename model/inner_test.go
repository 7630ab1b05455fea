package model

import (
	"testing"
	"time"
)

// Ahead lets answers go on without the host on software adapters too, where a pass
// takes no longer than most.
func Ahead(t *testing.T, most time.Duration) {
	aheadAnywhere, aheadMost = true, most
	t.Cleanup(func() { aheadAnywhere, aheadMost = false, AheadMost })
}
