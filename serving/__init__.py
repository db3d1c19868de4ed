"""What Rasa's server stands on here: who is served when, and where conversations are kept.

Rasa takes a tracker store that it cannot import for none, and forgets every conversation at the next start; a lock
store that it cannot import stops the server with a sentence. So the one is imported here, before the other can be.
"""

import serving.tracker_store  # noqa: F401
