package rest

import (
	"net/http"
	"slices"
)

// CORS is middleware that lets web pages of these origins call the API and read its answers; "*"
// stands for all origins. Without origins it does nothing. Cookies play no part: the token is in
// the Authorization header.
func CORS(origins ...string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		if len(origins) == 0 {
			return next
		}
		all := slices.Contains(origins, "*")
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			origin, header := r.Header.Get("Origin"), w.Header()
			if !all {
				header.Add("Vary", "Origin")
			}
			if origin == "" || !all && !slices.Contains(origins, origin) {
				next.ServeHTTP(w, r)
				return
			}
			if all {
				origin = "*"
			}
			header.Set("Access-Control-Allow-Origin", origin)
			if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
				header.Set("Access-Control-Expose-Headers", "Content-Disposition, ETag, Retry-After, X-Request-Id")
				next.ServeHTTP(w, r)
				return
			}
			header.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, DELETE")
			header.Set("Access-Control-Allow-Headers",
				"Accept, Authorization, Content-Type, Idempotency-Key, If-Match, Last-Event-ID, Range, Restrict-Access, X-Request-Id")
			header.Set("Access-Control-Max-Age", "600")
			w.WriteHeader(http.StatusNoContent)
		})
	}
}
