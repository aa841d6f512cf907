package archive

import (
	"archive/tar"
	"encoding/hex"
	"fmt"
	"hash"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxName bounds a member's path, and its target. It is the longest path that Linux takes.
const maxName = 4096

// Type is what a member is.
type Type string

// The types of members.
const (
	File     Type = "file"
	Dir      Type = "dir"
	Symlink  Type = "symlink"
	Hardlink Type = "hardlink"
	Fifo     Type = "fifo"
	Char     Type = "char"
	Block    Type = "block"
	Header   Type = "header" // for all members that follow; it holds no file
	Other    Type = "other"  // a type of some tar's own, with content
)

// State is how much of a member has passed.
type State string

// The states of a member.
const (
	StateBegun State = "begun" // some; the same member is told again
	StateWhole State = ""      // all of it
	StateCut   State = "cut"   // the stream ended inside it
)

// Member is one entry of an archive. As JSON it stays below 64 KiB.
type Member struct {
	// Path is as it stands in the archive, with U+FFFD for what is not UTF-8; then PathBytes is the path.
	Path      string `json:"path"`
	PathBytes []byte `json:"pathBytes,omitempty"`
	Type      Type   `json:"type"`
	// Link is the target of a symlink or a hard link.
	Link      string `json:"link,omitempty"`
	LinkBytes []byte `json:"linkBytes,omitempty"`
	// Mode is the permissions in octal, with the bits for setuid, setgid and sticky.
	Mode string `json:"mode"`
	// Size is that of the file, holes included.
	Size int64 `json:"size"`
	// SHA256 is that of the file, in lower-case hex; only for what has content, and only of all of it.
	SHA256 string `json:"sha256,omitempty"`
	State  State  `json:"state,omitempty"`
	// Passed is how much of the content there was until now, where that is not all.
	Passed int64 `json:"passed,omitempty"`
}

func describe(h *tar.Header) (Member, error) {
	if len(h.Name) > maxName || len(h.Linkname) > maxName {
		return Member{}, errName
	}
	m := Member{Type: typeOf(h.Typeflag), Mode: fmt.Sprintf("%04o", h.Mode&0o7777), Size: h.Size}
	m.Path, m.PathBytes = text(h.Name)
	m.Link, m.LinkBytes = text(h.Linkname)
	if !hasContent(h) {
		m.Size = 0
	}
	return m, nil
}

func text(name string) (string, []byte) {
	if utf8.ValidString(name) {
		return name, nil
	}
	return strings.ToValidUTF8(name, "\uFFFD"), []byte(name)
}

func typeOf(flag byte) Type {
	switch flag {
	case tar.TypeReg, tar.TypeCont, tar.TypeGNUSparse:
		return File
	case tar.TypeDir:
		return Dir
	case tar.TypeSymlink:
		return Symlink
	case tar.TypeLink:
		return Hardlink
	case tar.TypeFifo:
		return Fifo
	case tar.TypeChar:
		return Char
	case tar.TypeBlock:
		return Block
	case tar.TypeXGlobalHeader:
		return Header
	default:
		return Other
	}
}

// hasContent says whether archive/tar reads content after the header, however long.
func hasContent(h *tar.Header) bool {
	t := typeOf(h.Typeflag)
	return t == File || t == Other
}

func digest(h *tar.Header, sum hash.Hash) string {
	if !hasContent(h) {
		return ""
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// String says in one line what the member is.
func (m Member) String() string {
	parts := []string{string(m.Type), m.Mode, fmt.Sprintf("%d bytes", m.Size)}
	switch m.State {
	case StateBegun:
		parts = append(parts, "(begins)")
	case StateCut:
		parts = append(parts, fmt.Sprintf("(cut after %d)", m.Passed))
	case StateWhole:
	}
	if m.SHA256 != "" {
		parts = append(parts, "sha256:"+m.SHA256)
	}
	parts = append(parts, readable(m.Path))
	if m.Link != "" {
		parts = append(parts, "-> "+readable(m.Link))
	}
	return strings.Join(parts, " ")
}

// readable quotes what does not show as it is.
func readable(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(name)
	}
	return name
}
