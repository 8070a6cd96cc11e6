package main

import (
	"github.com/florinpay/florin/internal/secret"
	"github.com/florinpay/florin/internal/webhook"
)

// mailFlags name the server by which webhook endpoints at mailto: addresses are told. Who makes endpoints and who sends to them need them
// alike.
type mailFlags struct {
	SMTPURL  secret.Text `help:"Server for mail to webhook endpoints: smtps://user:password@host:465, or smtp:// with STARTTLS. Without it none is at a mailto: address. FLORIN_SMTP_URL keeps it from those who can see the command line." name:"smtp-url" placeholder:"URL"`
	MailFrom string      `help:"Address that mail comes from." placeholder:"ADDRESS"`
}

// options are nil if no mail is sent.
func (m mailFlags) options() (*webhook.MailOptions, error) {
	if m.SMTPURL.Empty() && m.MailFrom == "" {
		return nil, nil
	}
	if m.SMTPURL.Empty() || m.MailFrom == "" {
		return nil, usagef("mail needs --smtp-url and --mail-from")
	}
	o, err := webhook.ParseMail(m.SMTPURL, m.MailFrom)
	if err != nil {
		return nil, usagef("--smtp-url and --mail-from: %w", err)
	}
	return o, nil
}
