package groupkit

import (
	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// A delivery is an event in a feed. An event without a kind only says that events are missing, up
// to its version, or to its number in the feed of all groups.
type delivery struct {
	Event
	commit uint64 // the number of the call in the order of commits
}

// eventsAfter returns the events of a call after a version.
func eventsAfter(call []delivery, version uint64) (events []Event) {
	for _, d := range call {
		if d.Version > version {
			events = append(events, d.Event)
		}
	}
	return events
}

// logAfter reads the header of a group, and the calls of a page of the log after a version. It
// returns no calls if the log was cut after the version.
func logAfter(r store.Reader, group GroupID, version uint64) (head record.Header, calls [][]delivery, err error) {
	values, pages, err := store.Fetch(r, [][]byte{key.Of(string(group), key.Header)},
		[]store.Range{{From: key.Event(string(group), version+1), To: store.PrefixEnd(key.Of(string(group), key.Events)), Limit: callsPerLook}})
	if err != nil {
		return head, nil, storage(err)
	}
	if head, err = record.DecodeHeader(values[0]); err != nil || version+1 < head.First {
		return head, nil, err
	}
	for _, p := range pages[0].Pairs {
		call, err := decodeDeliveries(group, renamingOf(&head), p)
		if err != nil {
			return head, nil, err
		}
		if call[0].Version > version+1 {
			return head, nil, corrupt("the log of group %q has no event with version %d", string(group), version+1)
		}
		calls, version = append(calls, call), call[len(call)-1].Version
	}
	return head, calls, nil
}

// decodeDeliveries decodes the record of one call.
func decodeDeliveries(group GroupID, n renaming, p store.Pair) ([]delivery, error) {
	last, err := lastVersion(p.Key)
	if err != nil {
		return nil, err
	}
	call, err := record.DecodeCall(p.Value)
	if err != nil {
		return nil, err
	}
	if uint64(len(call.Events)) > last {
		return nil, record.ErrCorrupt
	}
	n.call(&call)
	return deliveries(group, last, &call), nil
}

// deliveries returns the events of a call as a feed has them. last is the version of the last one.
func deliveries(group GroupID, last uint64, call *record.Call) []delivery {
	events := publicEvents(group, last, call)
	out := make([]delivery, len(events))
	for i, e := range events {
		out[i] = delivery{e, call.Commit}
	}
	return out
}

// loadedDelivery says that a group was loaded. Its state is read by who follows all groups.
func loadedDelivery(group GroupID, number uint64) delivery {
	return delivery{Event{Group: group, Kind: Checkpoint, Last: true}, number}
}
