"""The countries that have phone numbers: their names, and what a cell or a user can call them."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import phonenumbers
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, SUPPORTED_REGIONS, country_code_for_region

MAX_LENGTH = 60  # characters of a country's name
DIALING_CODE = re.compile(r"(?:\+|00)?([1-9][0-9]{0,2})(?:\.0)?")
CODES = """
    AFG:AF ALB:AL DZA:DZ ASM:AS AND:AD AGO:AO AIA:AI ATG:AG ARG:AR ARM:AM ABW:AW AUS:AU AUT:AT AZE:AZ BHS:BS BHR:BH
    BGD:BD BRB:BB BLR:BY BEL:BE BLZ:BZ BEN:BJ BMU:BM BTN:BT BOL:BO BES:BQ BIH:BA BWA:BW BRA:BR IOT:IO VGB:VG BRN:BN
    BGR:BG BFA:BF BDI:BI CPV:CV KHM:KH CMR:CM CAN:CA CYM:KY CAF:CF TCD:TD CHL:CL CHN:CN CXR:CX CCK:CC COL:CO COM:KM
    COG:CG COD:CD COK:CK CRI:CR CIV:CI HRV:HR CUB:CU CUW:CW CYP:CY CZE:CZ DNK:DK DJI:DJ DMA:DM DOM:DO ECU:EC EGY:EG
    SLV:SV GNQ:GQ ERI:ER EST:EE SWZ:SZ ETH:ET FLK:FK FRO:FO FJI:FJ FIN:FI FRA:FR GUF:GF PYF:PF GAB:GA GMB:GM GEO:GE
    DEU:DE GHA:GH GIB:GI GRC:GR GRL:GL GRD:GD GLP:GP GUM:GU GTM:GT GGY:GG GIN:GN GNB:GW GUY:GY HTI:HT HND:HN HKG:HK
    HUN:HU ISL:IS IND:IN IDN:ID IRN:IR IRQ:IQ IRL:IE IMN:IM ISR:IL ITA:IT JAM:JM JPN:JP JEY:JE JOR:JO KAZ:KZ KEN:KE
    KIR:KI PRK:KP KOR:KR KWT:KW KGZ:KG LAO:LA LVA:LV LBN:LB LSO:LS LBR:LR LBY:LY LIE:LI LTU:LT LUX:LU MAC:MO MKD:MK
    MDG:MG MWI:MW MYS:MY MDV:MV MLI:ML MLT:MT MHL:MH MTQ:MQ MRT:MR MUS:MU MYT:YT MEX:MX FSM:FM MDA:MD MCO:MC MNG:MN
    MNE:ME MSR:MS MAR:MA MOZ:MZ MMR:MM NAM:NA NRU:NR NPL:NP NLD:NL NCL:NC NZL:NZ NIC:NI NER:NE NGA:NG NIU:NU NFK:NF
    MNP:MP NOR:NO OMN:OM PAK:PK PLW:PW PSE:PS PAN:PA PNG:PG PRY:PY PER:PE PHL:PH POL:PL PRT:PT PRI:PR QAT:QA REU:RE
    ROU:RO RUS:RU RWA:RW BLM:BL SHN:SH KNA:KN LCA:LC MAF:MF SPM:PM VCT:VC WSM:WS SMR:SM STP:ST SAU:SA SEN:SN SRB:RS
    SYC:SC SLE:SL SGP:SG SXM:SX SVK:SK SVN:SI SLB:SB SOM:SO ZAF:ZA SSD:SS ESP:ES LKA:LK SDN:SD SUR:SR SJM:SJ SWE:SE
    CHE:CH SYR:SY TWN:TW TJK:TJ TZA:TZ THA:TH TLS:TL TGO:TG TKL:TK TON:TO TTO:TT TUN:TN TUR:TR TKM:TM TCA:TC TUV:TV
    UGA:UG UKR:UA ARE:AE GBR:GB USA:US URY:UY UZB:UZ VUT:VU VAT:VA VEN:VE VNM:VN VIR:VI WLF:WF ESH:EH YEM:YE ZMB:ZM
    ZWE:ZW ALA:AX XKX:XK UK:GB UAE:AE KSA:SA EL:GR
"""
ALPHA_3 = dict(pair.split(":") for pair in CODES.split())
# English names that phonenumbers lacks, writes in capitals, or has in a former version.
CURRENT_NAMES = {
    "AC": "Ascension Island",
    "BQ": "Caribbean Netherlands",
    "CD": "Congo (Kinshasa)",
    "CG": "Congo (Brazzaville)",
    "CZ": "Czechia",
    "IM": "Isle of Man",
    "KN": "Saint Kitts and Nevis",
    "MK": "North Macedonia",
    "PM": "Saint Pierre and Miquelon",
    "RE": "Réunion",
    "SJ": "Svalbard and Jan Mayen",
    "ST": "São Tomé and Príncipe",
    "SX": "Sint Maarten",
    "SZ": "Eswatini",
    "TA": "Tristan da Cunha",
    "TC": "Turks and Caicos Islands",
    "TR": "Türkiye",
    "VA": "Vatican City",
    "VC": "Saint Vincent and the Grenadines",
    "WF": "Wallis and Futuna",
    "XK": "Kosovo",
}
# Further names for a country, by region and in folded form.
OTHER_NAMES = {
    "AE": ("emirates", "uae"),
    "BN": ("brunei darussalam",),
    "BO": ("bolivia plurinational state of",),
    "BS": ("the bahamas",),
    "CD": ("democratic republic of the congo", "dr congo", "congo democratic republic of the"),
    "CG": ("republic of the congo",),
    "CI": ("ivory coast",),
    "CN": ("prc", "peoples republic of china", "mainland china"),
    "CV": ("cabo verde",),
    "CZ": ("cesko",),
    "FK": ("falkland islands malvinas",),
    "FM": ("micronesia federated states of",),
    "GB": (
        *("great britain", "britain", "england", "scotland", "wales", "northern ireland", "u k"),
        *("united kingdom of great britain and northern ireland", "united kingdom uk"),
    ),
    "GM": ("the gambia",),
    "HK": ("hong kong sar",),
    "IE": ("republic of ireland", "eire"),
    "IR": ("iran islamic republic of",),
    "KN": ("st kitts and nevis",),
    "KP": ("korea democratic peoples republic of",),
    "KR": ("korea", "republic of korea", "korea republic of", "korea south"),
    "LA": ("lao peoples democratic republic", "lao"),
    "LC": ("st lucia",),
    "MD": ("moldova republic of", "republic of moldova"),
    "MK": ("macedonia fyrom",),
    "MM": ("burma", "myanmar burma"),
    "MO": ("macau",),
    "NL": ("holland", "the netherlands"),
    "PH": ("the philippines",),
    "PS": ("palestine state of", "state of palestine", "palestinian territories"),
    "RU": ("russian federation",),
    "SA": ("kingdom of saudi arabia",),
    "SY": ("syrian arab republic",),
    "TL": ("east timor",),
    "TW": ("taiwan province of china", "taiwan roc"),
    "TZ": ("tanzania united republic of", "united republic of tanzania"),
    "US": ("united states of america", "the united states", "america", "u s", "u s a", "usa"),
    "VA": ("holy see",),
    "VC": ("st vincent and the grenadines",),
    "VE": ("venezuela bolivarian republic of",),
    "VN": ("viet nam",),
}


def parse_country(text: str) -> str | None:
    """Return the ISO code of the region that a country's code, name or dialing code (44, +44, 0044) means, or None.

    A dialing code that several regions share gives the main one: 1 gives US.
    """
    text = text.strip()
    return find_country(text) if text and len(text) <= MAX_LENGTH else None


@lru_cache(maxsize=4096)
def find_country(text: str) -> str | None:
    """Return the ISO code of a region; remember it, because columns repeat their values."""
    if dialing_code := DIALING_CODE.fullmatch(text):
        regions = COUNTRY_CODE_TO_REGION_CODE.get(int(dialing_code[1]), ("001",))
        return regions[0] if regions[0] in SUPPORTED_REGIONS else None
    code = text.upper()
    code = ALPHA_3.get(code, code)
    if code in SUPPORTED_REGIONS:
        return code
    return load_names().get(fold_country(text))


def fold_country(text: str) -> str:
    """Return a name in lower case, without accents and with a blank for each run of other characters."""
    letters = (letter for letter in unicodedata.normalize("NFKD", text.casefold()) if letter not in "'’.")
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return " ".join(re.findall(r"\w+", plain.replace("&", " and ")))


@lru_cache(maxsize=1)
def load_names() -> dict[str, str]:
    """Return the regions by their folded names in all languages of phonenumbers."""
    names = {
        fold_country(name): region
        for region, by_language in load_translations().items()
        if region in SUPPORTED_REGIONS
        for name in by_language.values()
        if not name.startswith("*")  # "*en" refers to another language
    }
    names |= {fold_country(name): region for region, name in CURRENT_NAMES.items()}
    names |= {name: region for region, others in OTHER_NAMES.items() for name in others}
    names.pop("", None)
    return names


@lru_cache(maxsize=1)
def load_translations() -> dict[str, dict[str, str]]:
    """Return the names of each region by language.

    They are loaded as a file: to import their package would also load 20 MB of place names.
    """
    path = Path(phonenumbers.__file__).parent / "geodata" / "locale.py"
    loader = SourceFileLoader("phonenumbers.geodata.locale", str(path))
    spec = spec_from_loader(loader.name, loader)
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module.LOCALE_DATA


@lru_cache(maxsize=512)
def country_name(code: str) -> str:
    """Return the English name of a region; any other text unchanged."""
    names = load_translations().get(code, {})
    name = CURRENT_NAMES.get(code) or names.get("en", code)
    return names[name[1:]] if name.startswith("*") else name


@lru_cache(maxsize=1)
def country_options() -> tuple[tuple[str, str], ...]:
    """Return the ISO codes and labels of all countries for a select, sorted by name: ("DE", "Germany (+49)")."""
    labels = {code: f"{country_name(code)} (+{country_code_for_region(code)})" for code in SUPPORTED_REGIONS}
    return tuple(sorted(labels.items(), key=lambda option: fold_country(option[1])))
