package pixels

import "encoding/binary"

// orientationTag is EXIF's 0x0112 (CIPA DC-008, 4.6.4 A), which TIFF shares.
const orientationTag = 0x0112

// exifMark stands before the EXIF block in a JPEG.
const exifMark = "Exif\x00\x00"

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
