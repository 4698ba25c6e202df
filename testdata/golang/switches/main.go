// A large switch on integers and one on strings, which become jump tables; large constant tables; float and complex constants.
package main

import (
	"fmt"
	"math"
	"strconv"
)

//go:noinline
func number(n int) string {
	switch n {
	case 0:
		return "n0"
	case 1:
		return "n919"
	case 2:
		return "n838"
	case 3:
		return "n757"
	case 4:
		return "n676"
	case 5:
		return "n595"
	case 6:
		return "n514"
	case 7:
		return "n433"
	case 8:
		return "n352"
	case 9:
		return "n271"
	case 10:
		return "n190"
	case 11:
		return "n109"
	case 12:
		return "n28"
	case 13:
		return "n947"
	case 14:
		return "n866"
	case 15:
		return "n785"
	case 16:
		return "n704"
	case 17:
		return "n623"
	case 18:
		return "n542"
	case 19:
		return "n461"
	case 20:
		return "n380"
	case 21:
		return "n299"
	case 22:
		return "n218"
	case 23:
		return "n137"
	case 24:
		return "n56"
	case 25:
		return "n975"
	case 26:
		return "n894"
	case 27:
		return "n813"
	case 28:
		return "n732"
	case 29:
		return "n651"
	case 30:
		return "n570"
	case 31:
		return "n489"
	case 32:
		return "n408"
	case 33:
		return "n327"
	case 34:
		return "n246"
	case 35:
		return "n165"
	case 36:
		return "n84"
	case 37:
		return "n3"
	case 38:
		return "n922"
	case 39:
		return "n841"
	case 40:
		return "n760"
	case 41:
		return "n679"
	case 42:
		return "n598"
	case 43:
		return "n517"
	case 44:
		return "n436"
	case 45:
		return "n355"
	case 46:
		return "n274"
	case 47:
		return "n193"
	case 48:
		return "n112"
	case 49:
		return "n31"
	case 50:
		return "n950"
	case 51:
		return "n869"
	case 52:
		return "n788"
	case 53:
		return "n707"
	case 54:
		return "n626"
	case 55:
		return "n545"
	case 56:
		return "n464"
	case 57:
		return "n383"
	case 58:
		return "n302"
	case 59:
		return "n221"
	case 60:
		return "n140"
	case 61:
		return "n59"
	case 62:
		return "n978"
	case 63:
		return "n897"
	case 64:
		return "n816"
	case 65:
		return "n735"
	case 66:
		return "n654"
	case 67:
		return "n573"
	case 68:
		return "n492"
	case 69:
		return "n411"
	case 70:
		return "n330"
	case 71:
		return "n249"
	case 72:
		return "n168"
	case 73:
		return "n87"
	case 74:
		return "n6"
	case 75:
		return "n925"
	case 76:
		return "n844"
	case 77:
		return "n763"
	case 78:
		return "n682"
	case 79:
		return "n601"
	case 80:
		return "n520"
	case 81:
		return "n439"
	case 82:
		return "n358"
	case 83:
		return "n277"
	case 84:
		return "n196"
	case 85:
		return "n115"
	case 86:
		return "n34"
	case 87:
		return "n953"
	case 88:
		return "n872"
	case 89:
		return "n791"
	case 90:
		return "n710"
	case 91:
		return "n629"
	case 92:
		return "n548"
	case 93:
		return "n467"
	case 94:
		return "n386"
	case 95:
		return "n305"
	case 96:
		return "n224"
	case 97:
		return "n143"
	case 98:
		return "n62"
	case 99:
		return "n981"
	case 100:
		return "n900"
	case 101:
		return "n819"
	case 102:
		return "n738"
	case 103:
		return "n657"
	case 104:
		return "n576"
	case 105:
		return "n495"
	case 106:
		return "n414"
	case 107:
		return "n333"
	case 108:
		return "n252"
	case 109:
		return "n171"
	case 110:
		return "n90"
	case 111:
		return "n9"
	case 112:
		return "n928"
	case 113:
		return "n847"
	case 114:
		return "n766"
	case 115:
		return "n685"
	case 116:
		return "n604"
	case 117:
		return "n523"
	case 118:
		return "n442"
	case 119:
		return "n361"
	case 120:
		return "n280"
	case 121:
		return "n199"
	case 122:
		return "n118"
	case 123:
		return "n37"
	case 124:
		return "n956"
	case 125:
		return "n875"
	case 126:
		return "n794"
	case 127:
		return "n713"
	case 128:
		return "n632"
	case 129:
		return "n551"
	case 130:
		return "n470"
	case 131:
		return "n389"
	case 132:
		return "n308"
	case 133:
		return "n227"
	case 134:
		return "n146"
	case 135:
		return "n65"
	case 136:
		return "n984"
	case 137:
		return "n903"
	case 138:
		return "n822"
	case 139:
		return "n741"
	case 140:
		return "n660"
	case 141:
		return "n579"
	case 142:
		return "n498"
	case 143:
		return "n417"
	case 144:
		return "n336"
	case 145:
		return "n255"
	case 146:
		return "n174"
	case 147:
		return "n93"
	case 148:
		return "n12"
	case 149:
		return "n931"
	case 150:
		return "n850"
	case 151:
		return "n769"
	case 152:
		return "n688"
	case 153:
		return "n607"
	case 154:
		return "n526"
	case 155:
		return "n445"
	case 156:
		return "n364"
	case 157:
		return "n283"
	case 158:
		return "n202"
	case 159:
		return "n121"
	case 160:
		return "n40"
	case 161:
		return "n959"
	case 162:
		return "n878"
	case 163:
		return "n797"
	case 164:
		return "n716"
	case 165:
		return "n635"
	case 166:
		return "n554"
	case 167:
		return "n473"
	case 168:
		return "n392"
	case 169:
		return "n311"
	case 170:
		return "n230"
	case 171:
		return "n149"
	case 172:
		return "n68"
	case 173:
		return "n987"
	case 174:
		return "n906"
	case 175:
		return "n825"
	case 176:
		return "n744"
	case 177:
		return "n663"
	case 178:
		return "n582"
	case 179:
		return "n501"
	case 180:
		return "n420"
	case 181:
		return "n339"
	case 182:
		return "n258"
	case 183:
		return "n177"
	case 184:
		return "n96"
	case 185:
		return "n15"
	case 186:
		return "n934"
	case 187:
		return "n853"
	case 188:
		return "n772"
	case 189:
		return "n691"
	case 190:
		return "n610"
	case 191:
		return "n529"
	case 192:
		return "n448"
	case 193:
		return "n367"
	case 194:
		return "n286"
	case 195:
		return "n205"
	case 196:
		return "n124"
	case 197:
		return "n43"
	case 198:
		return "n962"
	case 199:
		return "n881"
	case 200:
		return "n800"
	case 201:
		return "n719"
	case 202:
		return "n638"
	case 203:
		return "n557"
	case 204:
		return "n476"
	case 205:
		return "n395"
	case 206:
		return "n314"
	case 207:
		return "n233"
	case 208:
		return "n152"
	case 209:
		return "n71"
	case 210:
		return "n990"
	case 211:
		return "n909"
	case 212:
		return "n828"
	case 213:
		return "n747"
	case 214:
		return "n666"
	case 215:
		return "n585"
	case 216:
		return "n504"
	case 217:
		return "n423"
	case 218:
		return "n342"
	case 219:
		return "n261"
	case 220:
		return "n180"
	case 221:
		return "n99"
	case 222:
		return "n18"
	case 223:
		return "n937"
	case 224:
		return "n856"
	case 225:
		return "n775"
	case 226:
		return "n694"
	case 227:
		return "n613"
	case 228:
		return "n532"
	case 229:
		return "n451"
	case 230:
		return "n370"
	case 231:
		return "n289"
	case 232:
		return "n208"
	case 233:
		return "n127"
	case 234:
		return "n46"
	case 235:
		return "n965"
	case 236:
		return "n884"
	case 237:
		return "n803"
	case 238:
		return "n722"
	case 239:
		return "n641"
	case 240:
		return "n560"
	case 241:
		return "n479"
	case 242:
		return "n398"
	case 243:
		return "n317"
	case 244:
		return "n236"
	case 245:
		return "n155"
	case 246:
		return "n74"
	case 247:
		return "n993"
	case 248:
		return "n912"
	case 249:
		return "n831"
	case 250:
		return "n750"
	case 251:
		return "n669"
	case 252:
		return "n588"
	case 253:
		return "n507"
	case 254:
		return "n426"
	case 255:
		return "n345"
	case 256:
		return "n264"
	case 257:
		return "n183"
	case 258:
		return "n102"
	case 259:
		return "n21"
	case 260:
		return "n940"
	case 261:
		return "n859"
	case 262:
		return "n778"
	case 263:
		return "n697"
	case 264:
		return "n616"
	case 265:
		return "n535"
	case 266:
		return "n454"
	case 267:
		return "n373"
	case 268:
		return "n292"
	case 269:
		return "n211"
	case 270:
		return "n130"
	case 271:
		return "n49"
	case 272:
		return "n968"
	case 273:
		return "n887"
	case 274:
		return "n806"
	case 275:
		return "n725"
	case 276:
		return "n644"
	case 277:
		return "n563"
	case 278:
		return "n482"
	case 279:
		return "n401"
	case 280:
		return "n320"
	case 281:
		return "n239"
	case 282:
		return "n158"
	case 283:
		return "n77"
	case 284:
		return "n996"
	case 285:
		return "n915"
	case 286:
		return "n834"
	case 287:
		return "n753"
	case 288:
		return "n672"
	case 289:
		return "n591"
	case 290:
		return "n510"
	case 291:
		return "n429"
	case 292:
		return "n348"
	case 293:
		return "n267"
	case 294:
		return "n186"
	case 295:
		return "n105"
	case 296:
		return "n24"
	case 297:
		return "n943"
	case 298:
		return "n862"
	case 299:
		return "n781"
	}
	return strconv.Itoa(n)
}

//go:noinline
func word(s string) int {
	switch s {
	case "zero":
		return 0
	case "one":
		return 1
	case "two":
		return 2
	case "three":
		return 3
	case "four":
		return 4
	case "five":
		return 5
	case "six":
		return 6
	case "seven":
		return 7
	case "eight":
		return 8
	case "nine":
		return 9
	case "ten":
		return 10
	case "eleven":
		return 11
	case "twelve":
		return 12
	case "thirteen":
		return 13
	case "fourteen":
		return 14
	case "fifteen":
		return 15
	case "sixteen":
		return 16
	case "seventeen":
		return 17
	case "eighteen":
		return 18
	case "nineteen":
		return 19
	case "twenty":
		return 20
	}
	return -1
}

var squares = [...]uint64{
	0, 1, 4, 9, 16, 25, 36, 49,
	64, 81, 100, 121, 144, 169, 196, 225,
	256, 289, 324, 361, 400, 441, 484, 529,
	576, 625, 676, 729, 784, 841, 900, 961,
	1024, 1089, 1156, 1225, 1296, 1369, 1444, 1521,
	1600, 1681, 1764, 1849, 1936, 2025, 2116, 2209,
	2304, 2401, 2500, 2601, 2704, 2809, 2916, 3025,
	3136, 3249, 3364, 3481, 3600, 3721, 3844, 3969,
	4096, 4225, 4356, 4489, 4624, 4761, 4900, 5041,
	5184, 5329, 5476, 5625, 5776, 5929, 6084, 6241,
	6400, 6561, 6724, 6889, 7056, 7225, 7396, 7569,
	7744, 7921, 8100, 8281, 8464, 8649, 8836, 9025,
	9216, 9409, 9604, 9801, 10000, 10201, 10404, 10609,
	10816, 11025, 11236, 11449, 11664, 11881, 12100, 12321,
	12544, 12769, 12996, 13225, 13456, 13689, 13924, 14161,
	14400, 14641, 14884, 15129, 15376, 15625, 15876, 16129,
	16384, 16641, 16900, 17161, 17424, 17689, 17956, 18225,
	18496, 18769, 19044, 19321, 19600, 19881, 20164, 20449,
	20736, 21025, 21316, 21609, 21904, 22201, 22500, 22801,
	23104, 23409, 23716, 24025, 24336, 24649, 24964, 25281,
	25600, 25921, 26244, 26569, 26896, 27225, 27556, 27889,
	28224, 28561, 28900, 29241, 29584, 29929, 30276, 30625,
	30976, 31329, 31684, 32041, 32400, 32761, 33124, 33489,
	33856, 34225, 34596, 34969, 35344, 35721, 36100, 36481,
	36864, 37249, 37636, 38025, 38416, 38809, 39204, 39601,
	40000, 40401, 40804, 41209, 41616, 42025, 42436, 42849,
	43264, 43681, 44100, 44521, 44944, 45369, 45796, 46225,
	46656, 47089, 47524, 47961, 48400, 48841, 49284, 49729,
	50176, 50625, 51076, 51529, 51984, 52441, 52900, 53361,
	53824, 54289, 54756, 55225, 55696, 56169, 56644, 57121,
	57600, 58081, 58564, 59049, 59536, 60025, 60516, 61009,
	61504, 62001, 62500, 63001, 63504, 64009, 64516, 65025,
}

var names = map[string]complex128{
	"zero":      complex(0, 0.0),
	"one":       complex(1, 0.125),
	"two":       complex(2, 0.25),
	"three":     complex(3, 0.375),
	"four":      complex(4, 0.5),
	"five":      complex(5, 0.625),
	"six":       complex(6, 0.75),
	"seven":     complex(7, 0.875),
	"eight":     complex(8, 1.0),
	"nine":      complex(9, 1.125),
	"ten":       complex(10, 1.25),
	"eleven":    complex(11, 1.375),
	"twelve":    complex(12, 1.5),
	"thirteen":  complex(13, 1.625),
	"fourteen":  complex(14, 1.75),
	"fifteen":   complex(15, 1.875),
	"sixteen":   complex(16, 2.0),
	"seventeen": complex(17, 2.125),
	"eighteen":  complex(18, 2.25),
	"nineteen":  complex(19, 2.375),
	"twenty":    complex(20, 2.5),
}

//go:noinline
func kind(value any) string {
	switch value := value.(type) {
	case nil:
		return "nil"
	case int, int8, int16, int32, int64:
		return "integer"
	case uint, uint8, uint16, uint32, uint64, uintptr:
		return "unsigned"
	case float32, float64:
		return "float"
	case string:
		return "string " + value
	case error:
		return "error " + value.Error()
	case fmt.Stringer:
		return "stringer " + value.String()
	case func() string:
		return value()
	}
	return "other"
}

func main() {
	for _, n := range []int{0, 17, 255, 299, 300, -1} {
		fmt.Print(number(n), " ")
	}
	for _, s := range []string{"zero", "twelve", "twenty", "hundred"} {
		fmt.Print(word(s), " ")
	}
	fmt.Println(squares[200], names["seven"], math.Float64bits(math.Pi*float64(len(names))))
	for _, value := range []any{nil, 1, uint8(2), float32(3), "four", fmt.Errorf("five"), struct{}{}, func() string { return "call" }} {
		fmt.Print(kind(value), "; ")
	}
	fmt.Println()
}
