-- Since when and why a capture, a void or a refund had to wait before it was sent: its payment's timeline tells it also afterwards.
ALTER TABLE payment_operation ADD COLUMN waited TEXT NOT NULL DEFAULT '';
