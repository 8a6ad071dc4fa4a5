{{ assessed_among('long_stay_residents', 'medication_review') }}
