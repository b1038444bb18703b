"""The pages, one a module, in the order in which somebody who was woken reads them."""

from dashboards.pages.api import API
from dashboards.pages.capacity import CAPACITY
from dashboards.pages.delivery import DELIVERY
from dashboards.pages.gateways import GATEWAYS
from dashboards.pages.overview import OVERVIEW
from dashboards.pages.stores import STORES
from dashboards.pages.workers import WORKERS

PAGES = (OVERVIEW, GATEWAYS, DELIVERY, API, STORES, WORKERS, CAPACITY)
