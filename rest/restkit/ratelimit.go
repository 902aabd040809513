package restkit

import (
	"cmp"
	"container/list"
	"math"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"groupkit"
	"groupkit/rest"
)

// A RateLimit limits how often each caller may call: each user of each application, and the
// application itself. It also limits how often tokens may be asked for from each address. It is a
// rest.Limiter.
//
// It remembers a bounded number of callers. If there are more, it forgets the one who has not
// called for the longest time; that caller then begins with a full burst.
type RateLimit struct {
	opts RateLimitOptions

	mu      sync.Mutex
	callers map[callerKey]*list.Element
	recent  *list.List // of *callerLimit, the last caller first
}

// A Rate is how often a caller may call. The zero Rate is no limit.
type Rate struct {
	PerSecond float64 // calls in a second, over a long time
	Burst     int     // calls at once after a pause; default: PerSecond rounded up
}

// RateLimitOptions configures a RateLimit. Nil options, and each field that is zero, mean the
// default.
type RateLimitOptions struct {
	User   Rate             // of each user; default: no limit
	System Rate             // of each application itself; default: no limit
	Token  Rate             // of requests for tokens from each address; default: no limit
	Memory int              // how many callers are remembered; default: 10,000
	Clock  func() time.Time // default: time.Now
}

// A callerKey is a caller of an application.
type callerKey struct {
	app     *rest.App
	caller  rest.Caller
	address netip.Prefix // of a request for a token
}

type callerLimit struct {
	key    callerKey
	bucket *rate.Limiter
}

// NewRateLimit returns a RateLimit that remembers nobody yet. Returns groupkit.ErrInvalid if an
// option is negative or not a number.
func NewRateLimit(opts *RateLimitOptions) (*RateLimit, error) {
	l := &RateLimit{callers: make(map[callerKey]*list.Element), recent: list.New()}
	if opts != nil {
		l.opts = *opts
	}
	if err := l.opts.User.check("RateLimitOptions.User"); err != nil {
		return nil, err
	}
	if err := l.opts.System.check("RateLimitOptions.System"); err != nil {
		return nil, err
	}
	if l.opts.Memory < 0 {
		return nil, invalid("RateLimitOptions.Memory", "is %d (0 or more)", l.opts.Memory)
	}
	if err := l.opts.Token.check("RateLimitOptions.Token"); err != nil {
		return nil, err
	}
	l.opts.Memory = cmp.Or(l.opts.Memory, 10_000)
	l.opts.Clock = orNow(l.opts.Clock)
	return l, nil
}

// Allow reports whether the caller may call now. If not, wait is the time after which the next
// call is allowed. A call that is not allowed does not count.
func (l *RateLimit) Allow(app *rest.App, c rest.Caller, r *http.Request) (wait time.Duration, ok bool) {
	key, limit := callerKey{app: app, caller: c}, l.opts.User
	switch {
	case c.System:
		key.caller, limit = rest.Caller{System: true}, l.opts.System
	case c == rest.Caller{}:
		key.address, limit = addressOf(r), l.opts.Token
	}
	if limit == (Rate{}) {
		return 0, true
	}
	now := l.opts.Clock()
	reserved := l.bucket(key, limit).ReserveN(now, 1)
	if wait = reserved.DelayFrom(now); wait > 0 {
		reserved.CancelAt(now)
		return wait, false
	}
	return 0, true
}

// addressOf returns from where a request comes: an IPv4 address, or the 64 bits of an IPv6 address
// that a network is given. A request that has no such address shares the limit of all of these.
func addressOf(r *http.Request) netip.Prefix {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Prefix{}
	}
	address := at.Addr().Unmap().WithZone("")
	network, _ := address.Prefix(min(address.BitLen(), 64)) // no error: the length fits
	return network
}

// bucket returns the calls of a caller.
func (l *RateLimit) bucket(key callerKey, limit Rate) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if known, ok := l.callers[key]; ok {
		l.recent.MoveToFront(known)
		return known.Value.(*callerLimit).bucket
	}
	if len(l.callers) >= l.opts.Memory {
		oldest := l.recent.Remove(l.recent.Back()).(*callerLimit)
		delete(l.callers, oldest.key)
	}
	caller := &callerLimit{key, rate.NewLimiter(rate.Limit(limit.PerSecond), limit.burst())}
	l.callers[key] = l.recent.PushFront(caller)
	return caller.bucket
}

func (r Rate) burst() int {
	if r.Burst > 0 {
		return r.Burst
	}
	return int(math.Ceil(min(r.PerSecond, math.MaxInt32)))
}

func (r Rate) check(field string) error {
	if r == (Rate{}) {
		return nil
	}
	if !(r.PerSecond > 0) || math.IsInf(r.PerSecond, 0) {
		return invalid(groupkit.Field(field+".PerSecond"), "is %v (more than 0)", r.PerSecond)
	}
	if r.Burst < 0 {
		return invalid(groupkit.Field(field+".Burst"), "is %d (0 or more)", r.Burst)
	}
	return nil
}
