{{ assessed_among('long_stay_residents', 'dental_assessment') }}
