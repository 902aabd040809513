package groupkit

import (
	"bytes"
	"slices"
)

// A RepairPlan says what Repair would do about the violations that Verify finds.
type RepairPlan struct {
	Steps []RepairStep `json:"steps,omitzero"`
}

// A RepairStep is what Repair would do about one thing: a group, the content of a file, or a record
// outside of groups.
type RepairStep struct {
	Group GroupID `json:"group,omitzero"` // "" if it is not about one group
	User  UserID  `json:"user,omitzero"`  // "" if it is not about one user
	File  FileID  `json:"file,omitzero"`  // set if it is about the content of a file
	Key   []byte  `json:"key,omitzero"`   // set if it is about one record outside of groups

	// Violations are what is wrong, as Verify says it: all that is wrong with the thing, however much.
	Violations []Violation `json:"violations,omitzero"`

	// Change says what would be changed; "" if nothing can be done.
	Change string `json:"change,omitzero"`

	// Beyond says why nothing can be done; "" if there is a Change.
	Beyond string `json:"beyond,omitzero"`
}

// A RepairReport says what Repair has done.
type RepairReport struct {
	// Done are the steps that were made.
	Done []RepairStep `json:"done,omitzero"`

	// Skipped are the steps that were not made, because the data is not any more what the plan saw. A new
	// plan says what is left.
	Skipped []RepairStep `json:"skipped,omitzero"`

	// Beyond are the steps of the plan that are beyond repair. Their groups and records were not touched.
	Beyond []RepairStep `json:"beyond,omitzero"`
}

// Sound reports whether there is nothing to repair, and nothing that is beyond repair.
func (p *RepairPlan) Sound() bool { return len(p.Steps) == 0 }

// ofGroup reports whether the step is about all records of a group.
func (s *RepairStep) ofGroup() bool { return s.Group != "" && s.File == "" && s.Key == nil }

// sort puts the violations in a fixed order, so that two looks at the same data give the same.
func (s *RepairStep) sort() {
	slices.SortFunc(s.Violations, func(a, b Violation) int { return bytes.Compare([]byte(a.String()), []byte(b.String())) })
	s.Violations = slices.Compact(s.Violations)
}

// equals reports whether two looks at a thing have found the same.
func (s *RepairStep) equals(t *RepairStep) bool {
	return s.Group == t.Group && s.User == t.User && s.File == t.File && bytes.Equal(s.Key, t.Key) &&
		s.Change == t.Change && s.Beyond == t.Beyond && slices.Equal(s.Violations, t.Violations)
}

// add adds a step to the plan.
func (x *repairer) add(s RepairStep) {
	s.sort()
	if s.Beyond != "" && s.ofGroup() {
		x.beyond[s.Group] = true
	}
	x.steps = append(x.steps, s)
}
