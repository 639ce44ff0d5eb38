package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestTailOffset(t *testing.T) {
	for name, test := range map[string]struct {
		text  string
		lines int
		want  string
	}{
		"last line":               {"a\nb\nc\n", 1, "c\n"},
		"last two":                {"a\nb\nc\n", 2, "b\nc\n"},
		"more than there are":     {"a\nb\n", 9, "a\nb\n"},
		"exactly as many":         {"a\nb\n", 2, "a\nb\n"},
		"a line that has no end":  {"a\nb", 1, "b"},
		"an empty line counts":    {"a\n\nb\n", 2, "\nb\n"},
		"nothing has been logged": {"", 3, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.text[tailOffset([]byte(test.text), test.lines):]; got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

type buffer struct{ bytes.Buffer }

func (*buffer) Close() error { return nil }

func TestLineLogStampsWholeLines(t *testing.T) {
	var out buffer
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	log := &lineLog{out: &out, now: func() time.Time { return at }}
	for _, text := range []string{"one\ntw", "o\n", "three"} {
		if n, err := log.Write([]byte(text)); n != len(text) || err != nil {
			t.Fatal(n, err)
		}
		at = at.Add(time.Second)
	}
	want := "2026-01-02T03:04:05Z one\n2026-01-02T03:04:05Z two\n2026-01-02T03:04:07Z three"
	if got := out.String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCopyLines(t *testing.T) {
	const log = "2026-01-02T03:04:05Z one\n2026-01-02T03:04:06Z two words\n2026-01-02T03:04:07Z three"
	for name, test := range map[string]struct {
		since  string
		stamps bool
		want   string
	}{
		"all":         {"2026-01-01T00:00:00Z", false, "one\ntwo words\nthree"},
		"from a time": {"2026-01-02T03:04:06Z", false, "two words\nthree"},
		"with stamps": {"2026-01-02T03:04:07Z", true, "2026-01-02T03:04:07Z three"},
		"too late":    {"2026-01-02T03:04:08Z", false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			since, err := time.Parse(time.RFC3339, test.since)
			if err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			if err := copyLines(&out, strings.NewReader(log), since, test.stamps, func() bool { return false }); err != nil {
				t.Fatal(err)
			}
			if out.String() != test.want {
				t.Errorf("got %q, want %q", out.String(), test.want)
			}
		})
	}
}

// What is written between the last look at the file and the end of the container must not be lost.
func TestCopyLinesLooksOnceMore(t *testing.T) {
	var log bytes.Buffer
	log.WriteString("2026-01-02T03:04:05Z one\n")
	over := func() bool {
		log.WriteString("2026-01-02T03:04:06Z last\n")
		return false
	}
	var out strings.Builder
	if err := copyLines(&out, &log, time.Time{}, false, over); err != nil || out.String() != "one\nlast\n" {
		t.Errorf("%v: got %q", err, out.String())
	}
}
