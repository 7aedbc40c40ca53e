"""Headers of tables in other languages: those of X's own analytics, and the words that people there use in their place.

Spanish, Portuguese, French, German and Japanese; compared by their letters alone, as
:func:`~hugtweets.sources.files.rows.spelled` gives them.
"""

IDS = (
    "ID del Tweet", "Identificador del Tweet", "ID del post", "ID do Tweet", "Identificação do Tweet", "ID do post",
    "Identifiant du Tweet", "ID du Tweet", "Identifiant du post", "ID du post", "ID des Tweets", "Beitrags-ID",
    "ツイートID", "ポストID",
)  # fmt: skip
TIMES = (
    "fecha y hora", "fecha de publicación", "fecha", "data e hora", "data de publicação", "data", "date et heure",
    "date de publication", "Datum und Uhrzeit", "Datum", "日時", "投稿日時", "投稿日", "日付",
)  # fmt: skip
# In X's analytics, time and day; elsewhere the time of day beside it.
CLOCKS = ("hora", "horário", "heure", "Uhrzeit", "Zeit", "時間", "時刻")
TEXTS = (
    "Texto del Tweet", "Texto del post", "Texto do Tweet", "Texto do post", "texto", "contenido", "conteúdo", "mensaje",
    "mensagem", "Texte du Tweet", "Texte du post", "texte", "contenu", "Text des Tweets", "Beitragstext", "Inhalt",
    "Nachricht", "ツイート本文", "ポスト本文", "本文", "内容", "テキスト",
)  # fmt: skip
AUTHORS = (
    "nombre de usuario", "usuario", "cuenta", "nome de usuário", "usuário", "conta", "autor", "nom d'utilisateur",
    "utilisateur", "compte", "auteur", "Benutzername", "Nutzername", "Benutzer", "Nutzer", "Konto", "Verfasser",
    "ユーザー名", "ユーザー", "アカウント", "投稿者",
)  # fmt: skip
LINKS = (
    "Enlace permanente del Tweet", "Enlace del Tweet", "Enlace del post", "enlace", "Link permanente do Tweet",
    "Link do Tweet", "Link do post", "Permalien du Tweet", "Lien du Tweet", "Lien du post", "lien",
    "Permalink des Tweets", "Link zum Tweet", "Link zum Beitrag", "ツイートの固定リンク", "ツイートのリンク",
    "ポストのリンク", "リンク",
)  # fmt: skip
KINDS = ("tipo", "tipo de post", "Typ", "Art", "タイプ", "種類")
RETWEETS = ("リツイート", "リポスト", "republicación", "republication", "republicação")
REPLIES = ("respuesta", "resposta", "réponse", "antwort", "返信", "リプライ")
QUOTES = ("cita", "citação", "citation", "zitat", "引用", "引用リツイート", "引用リポスト")
