{{ assessed_among('long_stay_residents', 'physician_assessment') }}
