package groupkit

import (
	"context"

	"groupkit/store"
)

// UpgradeInSteps is Upgrade with another number of records in each transaction.
func UpgradeInSteps(ctx context.Context, s store.Store, opts *Options, step int) error {
	e, err := newEngine(s, nil, opts)
	if err != nil {
		return err
	}
	defer e.cancel()
	found, err := readFormat(ctx, s)
	if err != nil || !isOld(found) {
		return err
	}
	u := newUpgrade(e, found, nil)
	u.step = step
	return u.run(ctx)
}

// UpgradeStep is the number of records of a transaction of Upgrade.
const UpgradeStep = upgradeStep
