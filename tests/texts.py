"""Texts written for the tests: one honest, one spun by hand, one stuffed, one in another language."""

HONEST = """We moved the shop to the old bakery on Mill Lane in March. The oven is still there, and so is the smell
of bread on warm mornings, which our customers seem to like more than anything we sell. My brother built the
shelves over three weekends, and my aunt painted the sign above the door.

Most of our trade is in second-hand books. People bring them in boxes, usually after a funeral or a move, and
we pay what we can. Some of them are worth a lot. Last year a woman sold us a box of cookery books and came
back two days later, out of breath, because her mother's letters were hidden inside one of them.

We had already found them. They were waiting for her in the drawer under the till."""

SPUN = """Back agony is the most widely recognised grievance that family specialists catch wind of, and it is
something that nearly everybody encounters eventually. On the off chance that you are strong sufficient to cope
with it, a considerable measure of straightforward activities can offer assist for the muscular tissues that
encompass the spine. Physical treatment gives short-term alleviation, however the torment usually arrives roaring
back as soon as you quit doing it.

Be that as it may, the mind stem and the spinal string are not the main driver. Specialists prescribe a sound eating
regimen, sufficient rest and customary strolls in the outside air. Within the event that the torment endures, you
ought to look for restorative counsel and maintain a strategic distance from substantial lifting."""

STUFFED = """Looking for cheap plumber Leeds? Our cheap plumber Leeds team is the best cheap plumber Leeds has. When you
need a cheap plumber Leeds call us today, because cheap plumber Leeds is what we do.

Every cheap plumber Leeds customer knows that a cheap plumber Leeds service should be fast. Our cheap plumber Leeds
experts come to your house and cheap plumber Leeds prices are low. Book a cheap plumber Leeds visit now.

We cover Leeds, Bradford, Wakefield, Huddersfield, Halifax, York, Harrogate, Selby, Otley, Ilkley, Morley, Pudsey.
Contact cheap plumber Leeds for a free quote on boilers, taps, sinks, drains, pipes, showers, baths, toilets."""

GERMAN = """Der Zug nach Hamburg hatte wieder einmal Verspätung, und auf dem Bahnsteig wurde es langsam kalt. Eine
alte Frau mit einem roten Koffer fragte mich, ob ich wüsste, wann wir endlich abfahren würden. Ich wusste es nicht,
aber wir kamen ins Gespräch, und sie erzählte mir von ihrer Tochter, die seit zwölf Jahren in Norwegen lebt und
dort als Lehrerin arbeitet. Als der Zug schließlich kam, waren wir beinahe Freundinnen geworden."""
