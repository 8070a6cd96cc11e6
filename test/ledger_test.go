package test

import (
	"database/sql"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite" // to break what the engine protects
)

// TestVerifyFindsATamperedEntry takes the protection off, as somebody with the file in hand can, and changes one entry.
func TestVerifyFindsATamperedEntry(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	f.pay(f.token(approved, ""), "once", 5000, true).want(t, http.StatusCreated, "pay")
	f.verify()

	books, err := sql.Open("sqlite", filepath.Join(f.dir, "florin.db"))
	must(t, err)
	defer func() { must(t, books.Close()) }()
	if _, err := books.ExecContext(t.Context(), "UPDATE ledger_entry SET amount = amount + 1"); err == nil {
		t.Fatal("the engine let an entry be changed")
	}
	var trigger, restore string
	must(t, books.QueryRowContext(t.Context(),
		"SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'ledger_entry' AND sql LIKE '%UPDATE%'").Scan(&trigger, &restore))
	change := func(statement string) {
		t.Helper()
		_, err := books.ExecContext(t.Context(), statement)
		must(t, err)
	}
	change("DROP TRIGGER " + trigger)
	change("UPDATE ledger_entry SET amount = amount + 1 WHERE account LIKE 'psp_receivable%'")

	code, out, errs := command(t, "", append([]string{"ledger", "verify"}, f.books...)...)
	if code != 1 || !strings.Contains(out, "FAULT") || !strings.Contains(out, "psp_receivable:alpha") || !strings.Contains(errs, "the books are wrong") {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
	change("UPDATE ledger_entry SET amount = amount - 1 WHERE account LIKE 'psp_receivable%'")
	change(restore)

	// Books that agree with themselves are still wrong if the payment says something else.
	change("UPDATE payment SET amount_captured = amount_captured - 1")
	code, out, errs = command(t, "", append([]string{"ledger", "verify"}, f.books...)...)
	if code != 1 || !strings.Contains(out, "FAULT") || !strings.Contains(errs, "the books are wrong") {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
	change("UPDATE payment SET amount_captured = amount_captured + 1")
}
