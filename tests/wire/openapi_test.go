package wire

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
	"github.com/pb33f/libopenapi-validator/errors"
	"github.com/pb33f/libopenapi-validator/paths"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
	"github.com/stretchr/testify/require"
)

// A document is docs/openapi.yaml.
type document struct {
	model     *v3.Document
	validator validator.Validator
	options   *config.ValidationOptions
}

var loaded = sync.OnceValues(func() (*document, error) {
	text, err := os.ReadFile("../../docs/openapi.yaml")
	if err != nil {
		return nil, err
	}
	doc, err := libopenapi.NewDocument(text)
	if err != nil {
		return nil, err
	}
	model, err := doc.BuildV3Model()
	if err != nil {
		return nil, err
	}
	v := validator.NewValidatorFromV3Model(&model.Model, config.WithFormatAssertions())
	v.SetDocument(doc)
	return &document{model: &model.Model, validator: v, options: config.NewValidationOptions()}, nil
})

func documentOf(t testing.TB) *document {
	t.Helper()
	d, err := loaded()
	require.NoError(t, err)
	return d
}

// path returns the path of the document for a request, or "".
func (d *document) path(r *http.Request) string {
	item, _, path := paths.FindPath(r, d.model, d.options)
	if item == nil || item.GetOperations().GetOrZero(strings.ToLower(r.Method)) == nil {
		return ""
	}
	return path
}

// cleaned returns a copy of a request with the body, for the validator: as the handler cleans the path.
func cleaned(r *http.Request, body ...string) *http.Request {
	c := r.Clone(r.Context())
	path := r.URL.EscapedPath()
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	path = strings.TrimSuffix(path, "/")
	c.URL = &url.URL{Scheme: "http", Host: r.Host, RawQuery: r.URL.RawQuery}
	c.URL.Path, _ = url.PathUnescape(path)
	c.URL.RawPath = path
	c.Body = io.NopCloser(strings.NewReader(strings.Join(body, "")))
	return c
}

// checkRequest requires that a request which was answered with 200 is as the document says.
func (d *document) checkRequest(t testing.TB, r *http.Request, body ...string) {
	t.Helper()
	valid, problems := d.validator.ValidateHttpRequestSync(cleaned(r, body...))
	require.True(t, valid, "the request is not as docs/openapi.yaml says: %s", texts(problems))
}

// checkAnswer requires that an answer is as the document says. A request of no route is
// answered with an error.
func (d *document) checkAnswer(t testing.TB, a *answer) {
	t.Helper()
	r := cleaned(a.request)
	if d.path(r) == "" {
		require.NotEqual(t, http.StatusOK, a.status, "%s %s is not in docs/openapi.yaml", r.Method, r.URL)
		return
	}
	response := &http.Response{StatusCode: a.status, Header: a.header, Body: io.NopCloser(bytes.NewReader(a.body)), Request: r}
	valid, problems := d.validator.ValidateHttpResponse(r, response)
	require.True(t, valid, "the answer to %s %s is not as docs/openapi.yaml says: %s\n%s", r.Method, r.URL, texts(problems), a.body)
}

func texts(problems []*errors.ValidationError) string {
	var out strings.Builder
	for _, p := range problems {
		out.WriteString("\n" + p.Message + ": " + p.Reason)
		for _, s := range p.SchemaValidationErrors {
			out.WriteString("\n\t" + s.FieldPath + ": " + s.Reason)
		}
	}
	return out.String()
}

func TestDocument(t *testing.T) {
	t.Parallel()
	valid, problems := documentOf(t).validator.ValidateDocument()
	require.True(t, valid, texts(problems))
}

// A document that let everything pass would make every other check useless.
func TestDocument_refuses(t *testing.T) {
	t.Parallel()
	const error = `{"error":"e","exception":"x","error_description":"d","timestamp":1,"duration":0}`
	const success = `{"action":"get","application":"8be024f0-e978-11e8-b697-5d598d5f8402","uri":"http://h/p","entities":[],` +
		`"timestamp":1,"duration":0,"organization":"o","applicationName":"a","data":["user1"],"count":1}`
	for name, c := range map[string]struct {
		status    int
		body      string
		otherwise bool
	}{
		"a good error":              {404, error, true},
		"a good answer":             {200, success, true},
		"an error without its text": {404, strings.Replace(error, `"error_description":"d",`, "", 1), false},
		"an error with a key more":  {404, strings.Replace(error, `"error":"e"`, `"error":"e","more":1`, 1), false},
		"an answer without uri":     {200, strings.Replace(success, `"uri":"http://h/p",`, "", 1), false},
		"an answer with an error":   {200, strings.Replace(success, `"count":1`, `"count":1,"error":"e"`, 1), false},
		"an answer without count":   {200, strings.Replace(success, `,"count":1`, "", 1), false},
		"a number for a text":       {200, strings.Replace(success, `["user1"]`, "[1]", 1), false},
	} {
		t.Run(name, func(t *testing.T) {
			r := request("app", "GET /chatgroups/g/admin")
			response := &http.Response{StatusCode: c.status, Header: http.Header{"Content-Type": {"application/json"}},
				Body: io.NopCloser(strings.NewReader(c.body)), Request: r}
			valid, problems := documentOf(t).validator.ValidateHttpResponse(r, response)
			require.Equal(t, c.otherwise, valid, texts(problems))
		})
	}
}
