package term

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// ErrNobody: there is nobody to answer a question.
var ErrNobody = errors.New("nobody can answer")

// Ask asks a question on the screen and reads the answer. Only "y" and "yes" are a yes. It returns ErrNobody if the
// screen is not a terminal or in ends.
func (s *Screen) Ask(in io.Reader, question string) (yes bool, err error) {
	if !s.Terminal() {
		return false, ErrNobody
	}
	if _, err := fmt.Fprintf(s, "%s [y/N] ", question); err != nil {
		return false, err
	}
	answer, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && answer == "" {
		_, _ = fmt.Fprintln(s)
		return false, ErrNobody
	}
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes", nil
}
