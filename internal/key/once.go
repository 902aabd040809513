package key

import "encoding/binary"

// Outcomes returns the prefix of all results recorded for idempotency keys.
func Outcomes() []byte { return []byte{FamilyOutcomes} }

// Once returns the key of the recorded result of the actor's call with an idempotency
// key.
func Once(actor, id string) []byte {
	b := append(append([]byte{FamilyOutcomes}, actor...), 0)
	return append(b, id...)
}

// OnceOf returns the prefix of the recorded results of the actor.
func OnceOf(actor string) []byte { return Once(actor, "") }

// OnceExpiries returns the prefix of the recorded results by time of expiry.
func OnceExpiries() []byte { return []byte{FamilyOutcomeExpiries} }

// OnceExpiriesBefore returns the end of the range of results that expire before the time.
func OnceExpiriesBefore(at int64) []byte {
	return binary.BigEndian.AppendUint64([]byte{FamilyOutcomeExpiries}, uint64(at))
}

// OnceExpiry returns the key of the expiry of a recorded result.
func OnceExpiry(at int64, once []byte) []byte {
	return append(OnceExpiriesBefore(at), once...)
}

// CutOnceExpiry returns the key of the recorded result to which an expiry belongs.
func CutOnceExpiry(k []byte) ([]byte, error) {
	if len(k) < 10 || k[0] != FamilyOutcomeExpiries || k[9] != FamilyOutcomes {
		return nil, ErrForm
	}
	return k[9:], nil
}
