package api

import (
	"context"

	"github.com/florinpay/florin/internal/control"
	"github.com/florinpay/florin/internal/db"
)

// fakeSwitches has one switch of the merchant's and one of everybody's, and remembers what it was given.
type fakeSwitches struct {
	commit func(*db.Change) error
	thrown control.Switch
	lifted []string
}

func someSwitch() control.Object {
	return control.Object{
		ID: "ks_" + someID, Object: "kill_switch", Mode: control.Block, Scope: control.Scope{Account: "alpha"}, Reason: "The acquirer loses messages",
		On: true, CreatedBy: "key_" + someID, CreatedAt: start,
	}
}

func (f *fakeSwitches) write(tenant string, o control.Object, with control.With) (control.Object, error) {
	c := db.NewChange(tenant)
	if err := with(c, o); err != nil || f.commit == nil {
		return o, err
	}
	return o, f.commit(c)
}

func (f *fakeSwitches) Throw(_ context.Context, s control.Switch, with control.With) (control.Object, error) {
	f.thrown = s
	return f.write(s.Merchant, someSwitch(), with)
}

func (f *fakeSwitches) Lift(_ context.Context, tenant, switchID, by string, with control.With) (control.Object, error) {
	f.lifted = append(f.lifted, switchID+" "+by)
	o := someSwitch()
	o.On, o.LiftedBy, o.LiftedAt = false, by, &start
	return f.write(tenant, o, with)
}

func (f *fakeSwitches) Get(context.Context, string, string) (control.Object, error) {
	return someSwitch(), nil
}

func (f *fakeSwitches) List(context.Context, string, db.Page) ([]control.Object, bool, error) {
	return []control.Object{someSwitch()}, false, nil
}

func (f *fakeSwitches) OfEveryone(context.Context, string) ([]control.Object, error) {
	o := someSwitch()
	o.Everyone, o.CreatedBy = true, "operator"
	return []control.Object{o}, nil
}
