package dispute

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"image"
	_ "image/jpeg" // to tell a picture from what only begins like one
	_ "image/png"
	"net/http"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/problem"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/vault"
)

// Bounds of evidence.
const (
	MaxFile  = 10 << 20 // bytes of one file
	maxFiles = 10       // of one dispute
)

// Types are the types of file that are taken.
var Types = []string{"application/pdf", "image/png", "image/jpeg", "text/plain"}

// With adds to the Change that a write makes, and is given the dispute as it will be.
type With func(c *db.Change, o Object) error

var fileName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$`)

// PutFile adds a file to the evidence, in place of one of the same name. The type is what the caller says it is; the content must be of
// that type.
//
// It fails with fault.NotFound, with fault.Conflict if the dispute takes no evidence now, with fault.Invalid if the file is empty, is not
// what it is said to be, has a card number in it, or is one too many, and with fault.TooLarge.
func (s *Service) PutFile(ctx context.Context, tenant, dispute, name, kind string, body []byte, with With) (Object, error) {
	if err := checkFile(name, kind, body); err != nil {
		return Object{}, err
	}
	sum := sha256.Sum256(body)
	file := File{Name: name, Type: kind, Size: int64(len(body)), SHA256: hex.EncodeToString(sum[:]), CreatedAt: s.Clock.Now()}
	sealed, err := s.Sealer.Seal(body, sealContext(tenant, dispute, name))
	if err != nil {
		return Object{}, fmt.Errorf("seal %s of %s: %w", name, dispute, err)
	}
	return s.evidence(ctx, tenant, dispute, name, with, func(d *Dispute, _ content) ([]byte, error) {
		if _, known := d.Evidence.file(name); !known && len(d.Evidence.Files) == maxFiles {
			return nil, fault.Wrong("name", fault.CodeInvalid, fmt.Sprintf("there are %d files already, and no more are taken", maxFiles))
		}
		d.Evidence = d.Evidence.with(file)
		return sealed, nil
	})
}

// RemoveFile takes a file out of the evidence. It fails like PutFile, and with fault.NotFound if there is no such file.
func (s *Service) RemoveFile(ctx context.Context, tenant, dispute, name string, with With) (Object, error) {
	return s.evidence(ctx, tenant, dispute, name, with, func(d *Dispute, _ content) ([]byte, error) {
		if _, known := d.Evidence.file(name); !known {
			return nil, fault.Missing("file")
		}
		d.Evidence = d.Evidence.without(name)
		return []byte{}, nil
	})
}

// textsName is the name under which the texts are stored.
const textsName = ""

// SetTexts changes the texts of the evidence by field; an empty text takes one back. It fails like PutFile.
func (s *Service) SetTexts(ctx context.Context, tenant, dispute string, texts map[string]string, with With) (Object, error) {
	return s.evidence(ctx, tenant, dispute, textsName, with, func(d *Dispute, c content) ([]byte, error) {
		all, err := s.texts(*d, c)
		if err != nil {
			return nil, err
		}
		for field, text := range texts {
			if all[field] = text; text == "" {
				delete(all, field)
			}
		}
		d.Evidence.Fields = names(all)
		plain, err := json.Marshal(all)
		if err != nil {
			return nil, err
		}
		return s.Sealer.Seal(plain, sealContext(d.Merchant, d.ID, textsName))
	})
}

// evidence changes a piece of it: change gives its content, sealed, and says in the dispute what there is.
func (s *Service) evidence(ctx context.Context, tenant, dispute, name string, with With, change func(*Dispute, content) ([]byte, error)) (Object, error) {
	var row db.Row
	result, err := s.apply(ctx, func() (decision, error) {
		d, err := s.store.dispute(ctx, tenant, dispute)
		if err != nil {
			return decision{}, err
		}
		if err := d.open(s.Clock.Now()); err != nil {
			return decision{}, err
		}
		c, err := s.store.content(ctx, tenant, dispute, name)
		if err != nil {
			return decision{}, err
		}
		sealed, err := change(&d, c)
		if err != nil {
			return decision{}, err
		}
		row = c.row(d, name, sealed, s.Clock.Now())
		out := decide(d, nil)
		out.changed = true
		return out, nil
	}, func(c *db.Change, d decision) error {
		c.Add(row)
		return with(c, d.dispute.object())
	})
	return result.dispute.object(), err
}

func sealContext(tenant, dispute, name string) []byte {
	return []byte("dispute evidence " + tenant + " " + dispute + " " + name)
}

// Texts are the texts of the evidence by field. It fails with fault.NotFound.
func (s *Service) Texts(ctx context.Context, tenant, dispute string) (map[string]string, []File, error) {
	d, err := s.store.dispute(ctx, tenant, dispute)
	if err != nil {
		return nil, nil, err
	}
	c, err := s.store.content(ctx, tenant, dispute, textsName)
	if err != nil {
		return nil, nil, err
	}
	texts, err := s.texts(d, c)
	return texts, orEmpty(d.Evidence.Files), err
}

func (s *Service) texts(d Dispute, c content) (map[string]string, error) {
	texts := map[string]string{}
	if len(c.sealed) == 0 { // there were none, or they were destroyed
		return texts, nil
	}
	plain, err := s.Sealer.Open(c.sealed, sealContext(d.Merchant, d.ID, textsName))
	if err != nil {
		return nil, fmt.Errorf("open the texts of %s: %w", d.ID, err)
	}
	return texts, json.Unmarshal(plain, &texts)
}

// File is a file of the evidence with its content. It fails with fault.NotFound.
func (s *Service) File(ctx context.Context, tenant, dispute, name string) (File, []byte, error) {
	d, err := s.store.dispute(ctx, tenant, dispute)
	if err != nil {
		return File{}, nil, err
	}
	file, known := d.Evidence.file(name)
	if !known {
		return File{}, nil, fault.Missing("file")
	}
	c, err := s.store.content(ctx, tenant, dispute, name)
	if err != nil {
		return file, nil, err
	}
	body, err := s.Sealer.Open(c.sealed, sealContext(tenant, dispute, name))
	if err != nil {
		return file, nil, fmt.Errorf("open %s of %s: %w", name, dispute, err)
	}
	return file, body, nil
}

// opened is all evidence of a dispute. While an answer is pending it cannot change.
func (s *Service) opened(ctx context.Context, d Dispute) (provider.Evidence, error) {
	texts, files, err := s.Texts(ctx, d.Merchant, d.ID)
	if err != nil {
		return provider.Evidence{}, err
	}
	e := provider.Evidence{Texts: texts}
	for _, f := range files {
		_, body, err := s.File(ctx, d.Merchant, d.ID, f.Name)
		if err != nil {
			return e, err
		}
		e.Files = append(e.Files, provider.EvidenceFile{Name: f.Name, Type: f.Type, Body: body})
	}
	return e, nil
}

// checkFile holds a file against the bounds, and its content against the type that it is said to be of.
func checkFile(name, kind string, body []byte) error {
	switch {
	case !fileName.MatchString(name):
		return fault.Wrong("name", fault.CodeInvalid, "must be 1 to 80 of A to Z, a to z, 0 to 9, ., _ and -, and begin with a letter or digit")
	case len(body) > MaxFile:
		return fault.New(fault.TooLarge, problem.CodeTooLarge, "the file is larger than 10 MiB")
	case len(body) == 0:
		return fault.Wrong("file", fault.CodeInvalid, "is empty")
	}
	is, taken := sniffers[kind]
	if !taken {
		return problem.New(problem.CodeMediaType, "evidence is of the type "+strings.Join(Types, ", "))
	}
	if !is(body) {
		return fault.Wrong("file", fault.CodeInvalid, "is not "+kind+", as which it was sent")
	}
	if kind == "text/plain" {
		if code, detail := vault.NoCardNumber(string(body)); code != "" {
			return fault.Wrong("file", code, detail)
		}
	}
	return nil
}

// sniffers tell by the content whether a file is of a type.
var sniffers = map[string]func([]byte) bool{
	"application/pdf": isPDF,
	"image/png":       func(b []byte) bool { return isPicture(b, "png") },
	"image/jpeg":      func(b []byte) bool { return isPicture(b, "jpeg") },
	"text/plain":      isText,
}

// trailer is within how many bytes of its end a PDF says that it ends.
const trailer = 1024

func isPDF(b []byte) bool {
	return bytes.HasPrefix(b, []byte("%PDF-")) && bytes.Contains(b[max(0, len(b)-trailer):], []byte("%%EOF"))
}

func isPicture(b []byte, format string) bool {
	_, is, err := image.DecodeConfig(bytes.NewReader(b))
	return err == nil && is == format
}

// isText takes what is plain to read: no control characters, and nothing that a browser would take for a page.
func isText(b []byte) bool {
	if !utf8.Valid(b) || !strings.HasPrefix(http.DetectContentType(b), "text/plain") {
		return false
	}
	return !bytes.ContainsFunc(b, func(r rune) bool { return unicode.IsControl(r) && !strings.ContainsRune("\t\r\n\f", r) })
}
