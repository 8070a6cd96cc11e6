package event

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
)

// certificateObject tells of the first certificate of a chain; nil if there is none.
func certificateObject(chain string) *CertificateObject {
	block, _ := pem.Decode([]byte(chain))
	if block == nil {
		return nil
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil // it was parsed before it was stored
	}
	print := sha256.Sum256(leaf.Raw)
	return &CertificateObject{Subject: leaf.Subject.String(), Fingerprint: hex.EncodeToString(print[:]), ExpiresAt: leaf.NotAfter.UTC()}
}
