"""Make all tables of a synthetic region.

Belongs here: the order of the steps and the frame of persons. Does not belong here: the steps.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pipelines.synthetic import parameters as par
from pipelines.synthetic.care import care_frame
from pipelines.synthetic.days import FAR, Bools, Ints, date_series, first_day, year_of
from pipelines.synthetic.diagnoses import record_frames
from pipelines.synthetic.documentation import entry_frame, staff_frame
from pipelines.synthetic.draws import named
from pipelines.synthetic.hospital import encounter_frame, make_stays
from pipelines.synthetic.identities import national_numbers
from pipelines.synthetic.life import with_life
from pipelines.synthetic.listed import Basis
from pipelines.synthetic.messages import message_frame
from pipelines.synthetic.model import Progress, Region, SyntheticSettings, no_progress, timed
from pipelines.synthetic.places import BORDER_DAYS, Places, load_places
from pipelines.synthetic.population import MALE, Population, simulate
from pipelines.synthetic.portal import form_frame, session_frame
from pipelines.synthetic.primary_care import Offices, make_offices, office_frame
from pipelines.synthetic.spells import Spells
from pipelines.synthetic.whole import whole_region

GENERATED = ("persons", "hospital stays", "primary care", "municipal care", "portal")
"""Steps of every region, as progress names them."""


def generate_tables(settings: SyntheticSettings, progress: Progress = no_progress) -> Region:
    """Make a region.

    Args:
        settings: Scale, window and seed; the same settings give the same tables.
        progress: Called after each step with its name, rows and seconds.

    Returns:
        All persons and events, as they stand at the end of the window.
    """
    places = load_places()
    with timed(progress, GENERATED[0]) as step:
        population, spells = simulate(settings, places)
        offices = make_offices(settings, places, population.birth.size)
        persons = _persons(settings, population, spells, offices)
        residence = residence_frame(settings, places, spells)
        step.rows = persons.height
    with timed(progress, GENERATED[1]) as step:
        stays = make_stays(settings, places, population, spells)
        encounters = encounter_frame(settings, places, population, stays)
        messages = message_frame(settings, places, population, stays)
        step.rows = encounters.height + messages.height
    with timed(progress, GENERATED[2]) as step:
        conditions, prescriptions = record_frames(settings, places, population, spells, offices)
        step.rows = conditions.height + prescriptions.height
    with timed(progress, GENERATED[3]) as step:
        episodes = care_frame(settings, places, population, spells)
        staff = staff_frame(settings, places)
        entries = entry_frame(settings, places, spells, episodes, staff)
        step.rows = episodes.height + staff.height + entries.height
    with timed(progress, GENERATED[4]) as step:
        sessions = session_frame(settings, places, population, spells)
        forms = form_frame(settings, places, population, spells)
        step.rows = sessions.height + forms.height
    region = Region(
        settings=settings,
        places=places,
        spells=spells,
        persons=persons,
        residence=residence,
        gp_offices=office_frame(settings, places, offices),
        encounters=encounters,
        messages=messages,
        conditions=conditions,
        prescriptions=prescriptions,
        care_episodes=episodes,
        journal_entries=entries,
        portal_sessions=sessions,
        portal_forms=forms,
        staff=staff,
    )
    if not settings.whole:
        return region
    basis = Basis(settings, places, population, spells, offices)
    region = whole_region(region, basis, progress)
    return with_life(region, basis) if settings.life else region


def _persons(
    settings: SyntheticSettings, population: Population, spells: Spells, offices: Offices
) -> pl.DataFrame:
    """One row a person, with the office they hold at the end of each year of the window.

    Columns: person, patient_number (in no order that tells anything), number, d_number, sex,
    birth_date, death_date, graded_from (year; null where never), strictly_graded, known_from
    (year of the first delivery that holds the person), office_<year>, gp_office (of the last).
    """
    rng = settings.rng("persons")
    size = population.birth.size
    known = np.full(size, FAR, dtype=np.int64)
    np.minimum.at(known, spells.person, spells.begin)
    known_from = np.maximum(year_of(known), settings.first_year)
    d_number = rng.random(size) < par.D_NUMBER_SHARE
    frame = pl.DataFrame(
        {
            "person": np.arange(size),
            "patient_number": rng.permutation(size),
            "number": national_numbers(population.birth, population.sex, d_number),
            "d_number": pl.Series(d_number),
            "sex": named(("female", "male"), population.sex == MALE),
            "birth_date": date_series("birth_date", population.birth),
            "death_date": date_series("death_date", population.death),
            "strictly_graded": pl.Series(rng.random(size) < par.STRICTLY_GRADED_SHARE),
            "known_from": known_from,
        }
    )
    graded = _graded_from(settings, rng, known_from, _never_leaves(settings, population, spells))
    columns = [
        pl.Series(f"office_{year}", offices.of(np.arange(size), _place_known(spells, size, year)))
        for year in settings.window
    ]
    return frame.with_columns(
        *columns,
        columns[-1].alias("gp_office"),
        pl.when(pl.Series(graded < FAR)).then(pl.Series(graded)).alias("graded_from"),
    )


def _never_leaves(settings: SyntheticSettings, population: Population, spells: Spells) -> Bools:
    """Persons who live in the region from the first day (or birth) to the last (or death)."""
    size = population.birth.size
    begin, end = np.full(size, FAR, dtype=np.int64), np.zeros(size, dtype=np.int64)
    np.minimum.at(begin, spells.person, spells.begin)
    np.maximum.at(end, spells.person, spells.drawn_end)
    begins = begin <= np.maximum(settings.first_day, population.birth)
    return np.asarray(begins & (end == FAR))


def _graded_from(
    settings: SyntheticSettings, rng: np.random.Generator, known_from: Ints, fit: Bools
) -> Ints:
    """First year of grading, ``FAR`` where never.

    Only persons who never leave are graded: their history is lost at the pseudonym door, and
    what their person-time is must not depend on it.
    """
    size = known_from.size
    among = np.flatnonzero(fit)
    # At least a few, so that a tiny region has them too.
    wanted = min(max(4, round(size * par.GRADED_SHARE)), among.size)
    chosen: Bools = np.zeros(size, dtype=np.bool_)
    chosen[rng.choice(among, wanted, replace=False)] = True
    later = rng.random(size) < par.GRADED_FROM_LATER_YEAR
    year = np.where(later, known_from + rng.integers(1, 3, size), known_from)
    return np.where(chosen, np.minimum(year, settings.end_year), FAR)


def _place_known(spells: Spells, size: int, year: int) -> Ints:
    """Last known place by person at the end of a year; -1 where none yet."""
    known = spells.begin < first_day(year + 1)
    last = np.full(size, -1, dtype=np.int64)
    last[spells.person[known]] = spells.place[known]
    return last


def residence_frame(settings: SyntheticSettings, places: Places, spells: Spells) -> pl.DataFrame:
    """Address spells with the codes valid in them; a spell is cut where its code changes.

    Returns:
        One row an address spell: person, place, part, municipality_code, tract (eight digits, the
        first four of them the municipality's), valid_from, valid_to (exclusive; null where open,
        also after death).
    """
    parts = places.parts
    person, place, begin, end = spells.person, spells.place, spells.begin, spells.drawn_end
    part = _part_of(settings, places, place)
    for day in BORDER_DAYS:
        crossing = (begin < day) & (end > day) & (day <= settings.last_day)
        here = np.full(part.size, day, dtype=np.int64)
        crossing &= (parts.code_at(part, here - 1) != parts.code_at(part, here)).to_numpy()
        person, place = np.r_[person, person[crossing]], np.r_[place, place[crossing]]
        part = np.r_[part, part[crossing]]
        begin = np.r_[begin, here[crossing]]
        end = np.r_[np.where(crossing, day, end), end[crossing]]
    code = parts.code_at(part, begin)
    return pl.DataFrame(
        {
            "person": person,
            "place": place,
            "part": part,
            "municipality_code": code,
            "tract": code + parts.numbers.gather(part) + "01",
            "valid_from": date_series("valid_from", begin),
            "valid_to": date_series("valid_to", end),
        }
    ).sort("person", "valid_from")


def _part_of(settings: SyntheticSettings, places: Places, place: Ints) -> Ints:
    """The part of its place that each address lies in."""
    drawn = settings.rng("tracts").random(place.size)
    others = places.parts.count[place] - 1
    other = np.floor((drawn - par.FIRST_PART_SHARE) / (1 - par.FIRST_PART_SHARE) * others)
    elsewhere = (drawn >= par.FIRST_PART_SHARE) & (others > 0)
    return places.parts.first[place] + np.where(elsewhere, 1 + other.astype(np.int64), 0)
