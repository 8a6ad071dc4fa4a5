"""Phrases of synthetic free text, each delivered together with a patient's name and number.

Belongs here: what a reader of an extract would find in notes. Does not belong here: anything
that may leave the identified zone. Quotation marks and line breaks are there to be escaped.
"""

from __future__ import annotations

from typing import Final

STAY: Final = (
    "innlagt etter fall hjemme, bor alene",
    "til planlagt inngrep; ektefelle følger",
    "pustebesvær siden i går, sier «det ble verre i natt»",
    'magesmerter, beskriver "stikk" i venstre side',
)
NOTE: Final = (
    "kontroll som avtalt",
    "ny time om tre måneder,\nringer selv ved behov",
    "snakket med pårørende om hverdagen",
    'sier at det går "sånn passe"',
    "prøver tatt, svar i portalen",
)
DOSE: Final = (
    "1 tablett morgen og kveld",
    '1 tablett daglig, "tas med mat"',
    "ved behov, høyst 3 ganger daglig",
)
SERVICE: Final = (
    "hjelp til morgenstell, nøkkel i boks ved døra",
    "medisiner legges fram av hjemmetjenesten",
    "**følges opp** av primærkontakt\nog dagvakt",
)
MESSAGE: Final = (
    "trenger hjelp til medisiner ved hjemkomst",
    "pårørende er varslet",
    "ønsker å reise hjem så snart som mulig",
)
ENTRY: Final = (
    "tilsyn gjennomført, spist godt",
    "sår stelt, ser fint ut",
    "urolig i natt, ringte datter",
    'takket nei til dusj, "kanskje i morgen"',
    "gikk tur med rullator\ntil postkassen",
)
FORM: Final = ("før time hos fastlege", "før innleggelse", "oppfølging etter opphold")
MEASURED: Final = ("tatt som avtalt", "kontroll etter avtale", 'pasienten "fastet ikke"')
CLAIM: Final = ("vanlig konsultasjon", "samtale om resept,\nsykmelding drøftet", "ringte tilbake")
