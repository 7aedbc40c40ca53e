"""Tables whose columns are named in other languages, such as X's own analytics."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from hugtweets.errors import UnreadableSource
from hugtweets.sources.files.authors import check_authors
from hugtweets.sources.files.reading import PostsFile, read_posts_file

ID = "1795888888888888123"
LINK = f"https://x.com/ada/status/{ID}"


def read(folder: Path, header: str, *rows: str) -> PostsFile:
    path = folder / "posts.csv"
    path.write_text("\n".join((header, *rows)), encoding="utf-8")
    return read_posts_file(path)


@pytest.mark.parametrize(
    "header",
    ["Identificador del Tweet,Enlace permanente del Tweet,Texto del Tweet,hora,impresiones",
     "id do Tweet,link permanente do Tweet,texto do Tweet,horário,impressões",
     "Identifiant du Tweet,Permalien du Tweet,Texte du Tweet,heure,impressions",
     "Tweet-ID,Tweet-Permalink,Tweet-Text,Zeit,Impressionen",
     "ツイートID,ツイートの固定リンク,ツイート本文,時間,インプレッション",
     "ポストID,ポストのリンク,ポスト本文,日付,インプレッション数"],
)  # fmt: skip
def test_the_analytics_of_x_are_read_in_other_languages(tmp_path: Path, header: str) -> None:
    file = read(tmp_path, header, f"{ID},{LINK},Soup again.,2024-05-29 18:30 +0000,12")
    (post,) = file.posts

    assert (post.id, post.text, post.author) == (ID, "Soup again.", "ada")
    assert post.created_at == datetime(2024, 5, 29, 18, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "header", ["Fecha,Hora,Texto,Usuario", "Datum,Uhrzeit,Text,Benutzername", "Date,Heure,Texte,Auteur",
               "Data,Horário,Texto,Usuário", "日付,時刻,本文,ユーザー名"],
)  # fmt: skip
def test_whose_posts_these_are_is_known_in_other_languages(tmp_path: Path, header: str) -> None:
    file = read(tmp_path, header, "2024-05-29,18:30,Soup again.,bob")

    assert file.posts[0].created_at == datetime(2024, 5, 29, 18, 30, tzinfo=UTC)
    with pytest.raises(UnreadableSource, match="has no post of ada, but of 'bob'"):
        check_authors(file.posts, (), "ada", tmp_path)


def test_columns_that_are_not_known_are_listed_in_their_own_letters(tmp_path: Path) -> None:
    with pytest.raises(UnreadableSource, match="found 'ポスト番号', 'いいね'"):
        read(tmp_path, "ポスト番号,いいね", "1,2")
