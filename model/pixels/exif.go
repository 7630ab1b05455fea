package pixels

import "encoding/binary"

// exifMark stands before the EXIF block in a JPEG.
const exifMark = "Exif\x00\x00"

// Tags of TIFF 6.0, whose directory EXIF shares.
const (
	tagCompression = 0x0103
	tagPhotometric = 0x0106
	tagOrientation = 0x0112
)

// orientation reads the orientation, 1 to 8, from an EXIF block. Whatever is
// missing or damaged counts as 1, upright: a broken note is no reason to
// refuse the picture.
func orientation(exif []byte) int {
	value := tiffTag(exif, tagOrientation)
	if value < 1 || value > 8 {
		return 1
	}
	return value
}

// tiffTag returns the value of a tag of one 16-bit number in the first
// directory of a TIFF file or EXIF block, 0 without.
func tiffTag(file []byte, tag uint16) int {
	if len(file) < 8 {
		return 0
	}
	var order binary.ByteOrder
	switch string(file[:4]) {
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return 0
	}
	at := uint64(order.Uint32(file[4:])) // of the directory: a count, then entries of 12 bytes
	if at+2 > uint64(len(file)) {
		return 0
	}
	entries := file[at+2:]
	for range order.Uint16(file[at:]) {
		if len(entries) < 12 {
			return 0
		}
		const short = 3 // the type of 16-bit numbers; one stands in the entry itself
		if order.Uint16(entries) == tag && order.Uint16(entries[2:]) == short && order.Uint32(entries[4:]) == 1 {
			return int(order.Uint16(entries[8:]))
		}
		entries = entries[12:]
	}
	return 0
}

func exifNone([]byte) []byte { return nil }
