"""What the name of a column says about its cells, in the languages that contact files come in."""

from __future__ import annotations

import re
import unicodedata
from enum import Enum, auto
from functools import lru_cache

ADDITION = re.compile(r"[(\[]|\b(?:with|incl|including|inkl|mit|avec|con|com)\b", re.IGNORECASE)
MAX_NAME_LENGTH = 100  # characters that are looked at


class ColumnTopic(Enum):
    """The topic of a column by its name."""

    DOCUMENTED = auto()  # phoneNumber, the name in the API
    PHONE = auto()
    VAGUE = auto()  # Number, Contact: may be a phone number
    UNKNOWN = auto()
    OTHER = auto()  # an id, a date, a fax number


def split_words(text: str) -> frozenset[str]:
    """Return the folded words of a list of words."""
    return frozenset(fold_words(text).split())


def fold_words(text: str) -> str:
    """Return the words of a name in lower case without accents, separated by blanks; phoneNumber has two words."""
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text.replace("WhatsApp", "whatsapp"))
    text = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(letter for letter in text if unicodedata.category(letter) not in ("Mn", "Me", "Cf"))
    return " ".join(re.findall(r"[^\W\d_]+", plain))


# Parts of words; long enough to mean nothing else inside a compound such as Festnetztelefon.
PHONE_STEMS = tuple(
    split_words(
        """
    phone telef telep tilef cellul celul celph handy rufnummer telemov msisdn whatsapp puhelin matkap
    kannykk telefon telfon teléfono téléphone τηλέφων τηλεφων κινητ телефон сотов هاتف جوال موبايل تلفون
    تليفون محمول موبایل تلفن همراه טלפון נייד סלולר פלאפון फोन फ़ोन मोबाइल दूरभाष ফোন মোবাইল โทรศัพท์ มือถือ
    电话 電話 手机 手機 携帯 ケータイ 전화 휴대폰 핸드폰 휴대전화 연락처 komork mobitel talrun telunj ponsel
    farsim ტელეფონ հեռախոս தொலைபேசி ఫోన్ فون portatil landline festnetz dienoth thoai numbertocall callnumber
    """
    )
)
MOBILE_STEMS = ("mobil", "мобил", "мобіл", "мобиль")  # only at the start of a word: not in Automobile
MOBILE = re.compile("mob|cel|handy|gsm|movi|movel|portable|matkap|сотов|携帯|手机|手機|휴대|נייד|جوال")
PHONE_WORDS = split_words(
    """
    phone phones tel telf tlf tlfn tfn tfno tél telno telnr cell cel cels mob mobs mbl gsm handy fon fono
    fone ph hp wa simi sími fón ffôn guthán movil móvil móviles movel móvel portable dial mobiel mobilni
    komórka téléphoniques hphone celphone cellno mobno phno phonenum sdt sđt đt telp тел моб טל נייד cép
    ligne linea rufnr rufnummern call
    """
)
PHONE_PHRASES = (  # in folded form
    *(
        "contact number",
        "contact no",
        "contact num",
        "call number",
        "number to call",
        "callback",
        "kontakt nummer",
        "so dt",
    ),
    *("kontaktnummer", "contactnumber", "contactno", "cep no", "cep numarasi", "numero de contato", "dien thoai"),
    *("numero de contacto", "numero di contatto", "numero de contact", "di dong", "cep tel", "numero a appeler"),
)
VAGUE_WORDS = split_words(
    """
    number numbers num no nr nbr nummer nro numero numéro número numer numar broj číslo cislo szam numarasi
    contact contacts kontakt contacto contato contatto номер رقم מספר 番号 号码 號碼 번호 bil nomor lamba
    เบอร์ rufnummern dnis ani
    """
)
# A phone number that is not the first one to call: the other columns win when their cells are as good.
SECOND_WORDS = split_words(
    """
    alt alternate alternative alternativ other secondary second autre otro outro andere work office business
    company buro geschaft geschaftlich dienst dienstlich bureau trabajo oficina trabalho ufficio lavoro
    emergency notfall assistant spouse parent guardian referrer manager agent seller rep callback main
    switchboard zentrale landline festnetz home privat fixe fijo fixo fisso b
    """
)
FAX_STEMS = ("fax", "факс", "فاكس", "פקס", "팩스", "传真", "傳真", "ファックス")
# Words that say that a column is about a phone number without being one.
QUALIFIERS = split_words(
    """
    type typ tipo art kind status state date datum fecha data time at on am country code vorwahl area ext
    extension durchwahl model brand provider carrier operator network valid verified verification consent
    opt optin optout label name os plan note notes comment email mail url ip id imei app version preference
    preferred language count calls duration result outcome last bill
    """
)
QUALIFIED_ENDS = ("vorwahl", "phonetype", "phonecode", "phonestatus", "phoneid")
OTHER_WORDS = split_words(
    """
    timestamp created updated modified
    id ids uid uuid guid key pk zip plz cp zipcode postcode postal postleitzahl date datum fecha data dob
    birth birthday born age year jahr ano anno annee amount betrag price preis total balance iban bic ip ssn
    sin vat cpf cnpj rg dni nif nie cuit cuil rut rfc curp aadhaar aadhar pan gst gstin siret siren invoice
    order ticket case policy account konto cuenta compte conta member customer client cliente kunde kunden
    kundennummer kd lfd lat lon lng latitude longitude index idx row line seq sequence ref reference code
    sku ean isbn imei ext extension street address house hausnummer personal matricula employee staff
    student patient vin serial version quantity qty menge anzahl score
    """
)
OTHER_STEMS = (
    *("kundennum", "kundennr", "auftrag", "bestell", "rechnung", "vertrag", "mitglied", "hausnum", "hausnr"),
    *("kontonum", "steuernum", "personalnum", "postleit", "postcod", "zipcod", "geburt", "customerid", "accountn"),
    *("orderno", "ordernum", "invoice", "customern", "membern", "lfdnr", "belegn", "aktenz"),
)
COUNTRY_WORDS = split_words(
    """
    country countries land länder pais país pays paese nazione nation kraj krajina zeme ország orszag tara
    țara ülke ulke страна країна مسافر البلد الدولة بلد מדינה 国 国家 國家 国名 국가 나라 ประเทศ देश negara
    quoc maa lande riik valsts šalis χώρα држава drzava država vorwahl ländervorwahl landesvorwahl
    landercode laendercode indicatif prefijo prefisso prefixo isd ddi countrycode countryiso dialcode
    phonecode dialingcode callingcode
    """
)
CODE_PHRASES = (
    *("phone code", "dial code", "dialing code", "dialling code", "calling code", "country code", "iso code"),
    *("dial prefix", "country prefix", "phone prefix", "int code", "phone country"),
)


@lru_cache(maxsize=4096)
def find_topic(name: str) -> ColumnTopic:
    """Return what a name says about the cells of its column."""
    folded = fold_words(name[:MAX_NAME_LENGTH])
    words, joined = folded.split(), folded.replace(" ", "")
    if joined == "phonenumber":
        return ColumnTopic.DOCUMENTED
    if any(stem in joined for stem in FAX_STEMS):
        return ColumnTopic.OTHER
    if is_phone_name(folded, words):
        subject = fold_words(ADDITION.split(name[:MAX_NAME_LENGTH])[0]).split()
        is_qualified = QUALIFIERS.intersection(subject) or joined.endswith(QUALIFIED_ENDS)
        return ColumnTopic.OTHER if is_qualified else ColumnTopic.PHONE
    if OTHER_WORDS.intersection(words) or any(stem in joined for stem in OTHER_STEMS):
        return ColumnTopic.OTHER
    return ColumnTopic.VAGUE if VAGUE_WORDS.intersection(words) else ColumnTopic.UNKNOWN


def is_phone_name(folded: str, words: list[str]) -> bool:
    """Return whether the folded words of a name include one for a telephone."""
    if PHONE_WORDS.intersection(words) or any(phrase in folded for phrase in PHONE_PHRASES):
        return True
    return any(word.startswith(MOBILE_STEMS) or any(stem in word for stem in PHONE_STEMS) for word in words)


@lru_cache(maxsize=4096)
def rate_name(name: str) -> float:
    """Return how much a name suggests the phone numbers to call: 0 (nothing) to 1 (much), 2 for phoneNumber."""
    match find_topic(name):
        case ColumnTopic.DOCUMENTED:
            return 2
        case ColumnTopic.PHONE:
            return rate_phone_name(name)
        case ColumnTopic.VAGUE:
            return 0.1
        case _:
            return 0


def rate_phone_name(name: str) -> float:
    """Rank the names of phone number columns among themselves: Phone, Mobile, Telephone, Work phone 2."""
    words = fold_words(name[:MAX_NAME_LENGTH]).split()
    rest = [word for word in words if word not in VAGUE_WORDS]
    rate = 1.0 if rest == ["phone"] else 0.95 if is_mobile_name("".join(words)) else 0.9
    if SECOND_WORDS.intersection(words):
        rate -= 0.3
    if re.search(r"[2-9]\D*$", name):
        rate -= 0.1
    return rate


def is_mobile_name(joined: str) -> bool:
    """Return whether a folded name is one for mobile numbers."""
    return MOBILE.search(joined) is not None


def is_country_name(name: str) -> bool:
    """Return whether a name is usual for a column of countries or dialing codes."""
    folded = fold_words(name[:MAX_NAME_LENGTH])
    words = folded.split()
    return bool(COUNTRY_WORDS.intersection(words)) or any(phrase in folded for phrase in CODE_PHRASES)
