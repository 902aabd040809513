package groupkit

import (
	"bytes"
	"context"
	"errors"

	"groupkit/internal/key"
	"groupkit/store"
)

// The operations that repair a damaged store.
const (
	OpPlanRepair Op = "plan repair"
	OpRepair     Op = "repair"
)

// PlanRepair reads the whole store and the contents of all files, as Verify does, and says what Repair
// would change. It changes nothing. The store can be in use meanwhile. The plan is in the order in which the steps have to
// be made. It keeps in memory what the steps would write.
//
// What leads to records, and counts, is computed from the records of each group. A record of a group that is damaged is restored
// from the log, if the log is whole. If the log is damaged and the records are whole, the log begins anew with
// a checkpoint of the present state: what can still be read of the old log is lost then. If both are damaged, the group is
// beyond repair, and stays as it is. The content of a file that is missing, or another one, is marked as absent; see
// [ErrContentAbsent] and [Actor.PutContent]. docs/operations.md has the table.
//
// Returns ErrNested inside Atomic, and the error of the store. ErrClosed if the engine is closed.
func (e *Engine) PlanRepair(ctx context.Context) (plan RepairPlan, err error) {
	err = e.observe(ctx, CallInfo{Op: OpPlanRepair}, func(*span) (err error) {
		plan, err = e.planRepair(ctx)
		return err
	})
	return plan, err
}

func (e *Engine) planRepair(ctx context.Context) (RepairPlan, error) {
	if err := e.usable(); err != nil {
		return RepairPlan{}, wrap(OpPlanRepair, "", err)
	}
	x := &repairer{eng: e, dry: new(dryStore), beyond: make(map[GroupID]bool)}
	err := x.plan(ctx)
	return RepairPlan{x.steps}, wrap(OpPlanRepair, "", err)
}

// Repair makes the steps of a plan, in place. It looks again before each step: if the data is not any more what
// the plan saw, it passes the step over and says so. What is sound is not touched, and groups can be in use meanwhile.
// If Repair is cut off, make a new plan and call it again.
//
// Repair destroys what a damaged record still contains. Make a copy before, with Backup or of the closed file, and keep it.
//
// Where what is read of a group changes, the group gets the event [Repaired]. There is none if only counts, and entries that lead to
// records, were wrong. Followers get a checkpoint after it.
//
// Returns ErrNested inside Atomic, ErrReadOnly if Options.ReadOnly is set, and the error of the store. The report contains what was done before.
// ErrClosed if the engine is closed.
func (e *Engine) Repair(ctx context.Context, plan RepairPlan) (report RepairReport, err error) {
	err = e.observe(ctx, CallInfo{Op: OpRepair}, func(*span) (err error) {
		report, err = e.repair(ctx, plan)
		return err
	})
	return report, err
}

func (e *Engine) repair(ctx context.Context, plan RepairPlan) (RepairReport, error) {
	if err := e.usableToWrite(); err != nil {
		return RepairReport{}, wrap(OpRepair, "", err)
	}
	x := &repairer{eng: e, beyond: make(map[GroupID]bool)}
	for i := range plan.Steps {
		if s := &plan.Steps[i]; s.Beyond != "" && s.ofGroup() {
			x.beyond[s.Group] = true
		}
	}
	for i := range plan.Steps {
		if err := x.make(ctx, &plan.Steps[i]); err != nil {
			return x.report, wrap(OpRepair, plan.Steps[i].Group, err)
		}
	}
	return x.report, nil
}

// A repairer is one call of PlanRepair or Repair. A plan is made by a repair of a store that keeps its writes in
// memory (dry): so a step sees what the steps before it would have written, and Repair decides the same by the same code.
//
// There are three kinds of steps. One about a group compares all records of the group, and what leads to them, with
// what they should be (repair_group.go). One about the content of a file marks the file. One about a record looks at the record
// alone; the groups are whole by then, or beyond repair.
type repairer struct {
	eng    *Engine
	dry    *dryStore // nil: the steps are made
	beyond map[GroupID]bool
	named  map[GroupID]bool // in lists of groups; nil: not read yet; see isNamed
	steps  []RepairStep
	report RepairReport
}

// make looks at the thing of a step again, and makes the step if it finds what the plan has found.
func (x *repairer) make(ctx context.Context, s *RepairStep) (err error) {
	made := false
	switch {
	case s.Beyond != "":
		x.report.Beyond = append(x.report.Beyond, *s)
		return nil
	case s.Group != "" && bytes.Equal(s.Key, key.Commits()):
		made, err = x.makeNumbers(ctx, s)
	case s.Key != nil:
		made, err = x.makeRecord(ctx, s)
	case s.File != "":
		made, err = x.makeContent(ctx, s)
	case s.Group != "":
		made, err = x.makePlannedGroup(ctx, s)
	}
	switch {
	case err != nil:
		return err
	case made:
		x.report.Done = append(x.report.Done, *s)
	default:
		x.report.Skipped = append(x.report.Skipped, *s)
	}
	return nil
}

// makeRecord makes the step of one record, in one transaction.
func (x *repairer) makeRecord(ctx context.Context, s *RepairStep) (made bool, err error) {
	err = x.update(ctx, func(raw store.Reader, w store.Writer) error {
		found, err := x.lookAtRecord(raw, s.Key)
		if err != nil {
			return err
		}
		if made = found != nil && found.step.equals(s); !made {
			return nil
		}
		return write(w, found.pairs)
	})
	return made, err
}

// makeNumbers writes the entries of the index of commits that lead to the calls of a group.
func (x *repairer) makeNumbers(ctx context.Context, s *RepairStep) (made bool, err error) {
	g, err := x.lookAtGroup(ctx, s.Group)
	if err != nil || g == nil {
		return false, err
	}
	if found := g.numberStep(); found == nil || !found.equals(s) {
		return false, nil
	}
	err = x.writeParts(ctx, g, g.numbers)
	if errors.Is(err, errChanged) {
		return false, nil
	}
	return err == nil, err
}

// makePlannedGroup makes the step of a group. A group that changes meanwhile is looked at again.
func (x *repairer) makePlannedGroup(ctx context.Context, s *RepairStep) (made bool, err error) {
	for {
		g, err := x.lookAtGroup(ctx, s.Group)
		if err != nil || g == nil || !g.step.equals(s) {
			return false, err
		}
		if err = x.makeGroup(ctx, g); !errors.Is(err, errChanged) {
			return err == nil, err
		}
	}
}
