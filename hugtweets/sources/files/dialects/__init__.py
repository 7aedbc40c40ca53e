"""The dialects of files of posts: one entry for each tool that writes them, tried in this order."""

from hugtweets.sources.files.dialects.dialect import Dialect
from hugtweets.sources.files.dialects.feeds import FEED
from hugtweets.sources.files.dialects.plain import PLAIN
from hugtweets.sources.files.dialects.snscrape import SNSCRAPE
from hugtweets.sources.files.dialects.tables import (
    APIFY,
    EXPORT_TABLE,
    GET_OLD_TWEETS,
    RAPIDMINER,
    RTWEET,
    TAGS,
    TRUMP_ARCHIVE,
)
from hugtweets.sources.files.dialects.twint import TWINT
from hugtweets.sources.files.dialects.x_graphql import X_GRAPHQL
from hugtweets.sources.files.dialects.x_v1 import X_V1, X_V1_SEARCH
from hugtweets.sources.files.dialects.x_v2 import TWARC_CSV, TWARC_CSV_ENCODED, X_V2_ANSWERS, X_V2_POSTS

DIALECTS: tuple[Dialect, ...] = (
    X_V2_ANSWERS,
    X_V1_SEARCH,
    X_GRAPHQL,
    APIFY,
    FEED,
    TWARC_CSV_ENCODED,
    TWARC_CSV,
    TWINT,
    GET_OLD_TWEETS,
    TRUMP_ARCHIVE,
    RTWEET,
    RAPIDMINER,
    TAGS,
    EXPORT_TABLE,
    SNSCRAPE,
    X_V1,
    X_V2_POSTS,
    PLAIN,
)
