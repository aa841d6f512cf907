package mask

import "bytes"

func formsOf(text []byte) [][]byte {
	return [][]byte{bytes.ReplaceAll(bytes.ReplaceAll(text, []byte("\n"), nil), []byte("\r"), nil)}
}

func unfit(text []byte) string {
	if len(text) < 8 {
		return "short"
	}
	return ""
}
