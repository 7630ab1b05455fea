package pixels

import "encoding/binary"

// orientationTag is EXIF's 0x0112 (CIPA DC-008, 4.6.4 A), which TIFF shares.
const orientationTag = 0x0112

// orientation reads the orientation tag, 1 to 8, from an EXIF block: a TIFF
// header and its first directory. Whatever is missing or damaged counts as 1,
// upright: a broken note is no reason to refuse the picture.
func orientation(exif []byte) int {
	if len(exif) < 8 {
		return 1
	}
	var order binary.ByteOrder
	switch string(exif[:4]) {
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return 1
	}
	at := uint64(order.Uint32(exif[4:])) // of the directory: a count, then entries of 12 bytes
	if at+2 > uint64(len(exif)) {
		return 1
	}
	entries := exif[at+2:]
	for range order.Uint16(exif[at:]) {
		if len(entries) < 12 {
			return 1
		}
		tag, kind, count := order.Uint16(entries), order.Uint16(entries[2:]), order.Uint32(entries[4:])
		if tag == orientationTag {
			const short = 3 // a value this small stands in the entry itself
			value := order.Uint16(entries[8:])
			if kind != short || count != 1 || value < 1 || value > 8 {
				return 1
			}
			return int(value)
		}
		entries = entries[12:]
	}
	return 1
}

func exifNone([]byte) []byte { return nil }

// exifTIFF: a TIFF file is its own EXIF block.
func exifTIFF(data []byte) []byte { return data }

// exifJPEG returns what stands in the first APP1 segment marked "Exif".
func exifJPEG(data []byte) []byte {
	const (
		app1 = 0xe1
		sos  = 0xda // the picture begins; markers beyond it mean something else
		mark = "Exif\x00\x00"
	)
	at := 2 // past SOI
	for at+4 <= len(data) && data[at] == 0xff {
		kind := data[at+1]
		if kind == 0xff { // fill byte before a marker
			at++
			continue
		}
		end := at + 2 + int(binary.BigEndian.Uint16(data[at+2:]))
		if kind == sos || end > len(data) || end < at+4 {
			return nil
		}
		body := data[at+4 : end]
		if kind == app1 && len(body) > len(mark) && string(body[:len(mark)]) == mark {
			return body[len(mark):]
		}
		at = end
	}
	return nil
}

// exifPNG returns the eXIf chunk (PNG, third edition, 11.3.4.1).
func exifPNG(data []byte) []byte {
	at := 8 // past the signature
	for at+12 <= len(data) { // length, type, body, check sum
		length := uint64(binary.BigEndian.Uint32(data[at:]))
		end := uint64(at) + 8 + length
		if end+4 > uint64(len(data)) {
			return nil
		}
		if string(data[at+4:at+8]) == "eXIf" {
			return data[at+8 : end]
		}
		at = int(end) + 4
	}
	return nil
}
