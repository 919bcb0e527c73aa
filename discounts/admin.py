"""Offers and codes in the Django admin: to be looked at, because only actions write them."""

from discounts.models import DiscountCode, Offer
from loyalty_admin.common.admin import show_histories, show_read_only

show_read_only(Offer, text_search=("name",))
show_read_only(DiscountCode, text_search=("code",))
show_histories("discounts")
