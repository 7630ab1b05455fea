package web

import (
	"crypto/rand"
	"crypto/sha256"
	"regexp"

	"pixtral-wgpu/tokenizer"
)

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// callIDLength is how long the ids of calls are that the model was trained with.
const callIDLength = 9

var callID = regexp.MustCompile(`^[a-zA-Z0-9]{9}$`)

// newCallID returns an id for a call of a tool.
func newCallID() string {
	var seed [callIDLength]byte
	_, _ = rand.Read(seed[:]) // it never fails
	return spellID(seed[:])
}

func spellID(seed []byte) string {
	id := make([]byte, callIDLength)
	for i := range id {
		id[i] = letters[int(seed[i])%len(letters)]
	}
	return string(id)
}

// shortenIDs gives calls that were made by other servers, whose ids are longer,
// ids of the form that the model knows; the same ones each time.
func shortenIDs(m *tokenizer.Message) {
	m.ToolCallID = shortID(m.ToolCallID)
	for i := range m.ToolCalls {
		m.ToolCalls[i].ID = shortID(m.ToolCalls[i].ID)
	}
}

func shortID(id string) string {
	if id == "" || id == "null" || callID.MatchString(id) {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return spellID(sum[:])
}
